//! What a Python project needs: a virtual environment with the project, what its tests need, and pytest.

use toml::{Table, Value};

use super::super::Setup;
use super::super::files::Folder;
use super::declared;

/// What projects call the extras and groups that their tests need.
pub(super) const TESTS: &[&str] = &["test", "tests", "testing", "unittest", "dev", "develop", "development"];

/// Files with what the tests need, as projects without extras keep them.
const REQUIREMENTS: &[&str] = &[
    "requirements.txt",
    "requirements-test.txt",
    "requirements-tests.txt",
    "requirements-testing.txt",
    "requirements-dev.txt",
    "requirements_test.txt",
    "requirements_dev.txt",
    "test-requirements.txt",
    "test_requirements.txt",
    "dev-requirements.txt",
    "requirements/test.txt",
    "requirements/tests.txt",
    "requirements/testing.txt",
    "requirements/dev.txt",
    "tests/requirements.txt",
    "test/requirements.txt",
    "requirements.dev.txt",
    "requirements.test.txt",
    "dev.requirements.txt",
    "test.requirements.txt",
    "requirements/development.txt",
    "requirements/local.txt",
    "requirements/base.txt",
];

/// Files that build backends write into the tree with the version from git's tags, and that the code imports.
const GENERATED: &[&str] = &["_version.py", "version.py", "_scm_version.py"];

/// Build backends that compile code of the project into what they install.
/// A `setup.py` says so by its extension modules.
const COMPILERS: &[&str] = &["maturin", "scikit_build_core", "mesonpy", "setuptools_rust", "py_build_cmake"];

/// The virtual environment of a folder.
pub(super) fn venv(folder: &Folder<'_>) -> String {
    if folder.path.is_empty() { "~/.venv".to_owned() } else { format!("~/.venvs/{}", folder.path.replace('/', "-")) }
}

pub(super) fn setup(folder: &Folder<'_>, venv: &str) -> Setup {
    let project = folder.toml("pyproject.toml").unwrap_or_default();
    let mut commands = vec![format!("python3 -m venv {venv}"), format!("{venv}/bin/pip install --quiet --upgrade pip")];
    let pip = |what: &str| format!("{venv}/bin/pip install --quiet {what}");
    // The project comes last: what is installed after it may bring a released version of it, and the tests would test that.
    commands.push(pip("pytest"));
    if folder.has("uv.lock") {
        commands.push(pip("uv"));
        let (extras, groups) = (chosen("--extra", extras(folder, &project)), chosen("--group", groups(&project)));
        let sync = "uv sync --frozen --inexact --no-python-downloads";
        commands.push(format!(
            "UV_PROJECT_ENVIRONMENT={venv} {venv}/bin/{sync} --python {venv}/bin/python{extras}{groups}"
        ));
    } else if folder.has("poetry.lock") {
        // Poetry pins what it needs itself, which the project's own dependencies may contradict.
        commands.push("python3 -m venv ~/.poetry".to_owned());
        commands.push("~/.poetry/bin/pip install --quiet poetry poetry-plugin-export".to_owned());
        let extras = chosen("--extras", extras(folder, &project));
        // Poetry asks for more than pip does; some mirrors of registries do not answer that. The versions stay the same.
        commands.push(format!(
            "VIRTUAL_ENV={venv} ~/.poetry/bin/poetry install --no-interaction{extras} || {{ \
             ~/.poetry/bin/poetry export --without-hashes --all-groups{extras} --output ~/.locked.txt && \
             {venv}/bin/pip install --quiet --requirement ~/.locked.txt && \
             {venv}/bin/pip install --quiet --no-deps --editable . ; }}"
        ));
    } else {
        commands.extend(by_pip(folder, &project, pip));
    }
    commands.push("rm -rf ~/.cache/pip ~/.cache/uv ~/.cache/pypoetry".to_owned());
    Setup { whole: compiles(folder, &project), ..Setup::install(commands).keeping(GENERATED) }
}

fn by_pip(folder: &Folder<'_>, project: &Table, pip: impl Fn(&str) -> String) -> Vec<String> {
    let mut commands = Vec::new();
    let packaged = project.contains_key("project")
        || project.contains_key("build-system")
        || folder.has("setup.py")
        || folder.text("setup.cfg").is_some_and(|text| text.contains("[metadata]"));
    for group in groups(project) {
        commands.push(pip(&format!("--group {group}")));
    }
    let named = REQUIREMENTS.iter().filter(|path| folder.below().any(|other| other == **path));
    // Both a test's and a developer's requirements usually name the same: the first of each kind is enough.
    let mut files: Vec<String> = named.map(|path| (*path).to_owned()).take(3).collect();
    let from_tox = tox(folder.text("tox.ini").unwrap_or_default(), &files);
    files.retain(|path| !from_tox.iter().any(|other| other.ends_with(path.as_str())));
    commands.extend(files.iter().map(|path| pip(&format!("--requirement {path}"))));
    commands.extend(from_tox.iter().map(|dependency| pip(dependency)));
    let declared = declared::of(folder, project);
    if !declared.is_empty() {
        commands.push(pip(&declared.join(" ")));
    }
    if packaged {
        let extras = extras(folder, project);
        let wanted = if extras.is_empty() { ".".to_owned() } else { format!("'.[{}]'", extras.join(",")) };
        commands.push(pip(&format!("--editable {wanted}")));
    }
    commands
}

/// Options that choose these names.
fn chosen(option: &str, names: Vec<String>) -> String {
    names.into_iter().flat_map(|name| [" ".to_owned(), option.to_owned(), " ".to_owned(), name]).collect()
}

/// The extras of the project that its tests need.
fn extras(folder: &Folder<'_>, project: &Table) -> Vec<String> {
    let tables = [table(project, &["project", "optional-dependencies"]), table(project, &["tool", "poetry", "extras"])];
    let mut found: Vec<String> = tables.into_iter().flatten().flat_map(known).collect();
    // Older manifests are no data; a name before a colon or an equals sign is taken for an extra.
    if found.is_empty() {
        let texts = [folder.text("setup.cfg"), folder.text("setup.py")];
        let after = |text: &str| text.split_once("extras_require").map(|(_, rest)| rest.to_owned()).unwrap_or_default();
        let rest: String = texts.into_iter().flatten().map(after).collect();
        let named = |name: &&&str| {
            let spellings = [format!("\"{name}\":"), format!("'{name}':"), format!("\n{name} ="), format!("\n{name}=")];
            spellings.iter().any(|spelling| rest.contains(spelling.as_str()))
        };
        found.extend(TESTS.iter().filter(named).map(|name| (*name).to_owned()));
    }
    found
}

/// The dependency groups of the project that its tests need.
/// <https://packaging.python.org/en/latest/specifications/dependency-groups/>
fn groups(project: &Table) -> Vec<String> {
    table(project, &["dependency-groups"]).map(known).unwrap_or_default()
}

fn known(table: &Table) -> Vec<String> {
    TESTS.iter().filter(|name| table.contains_key(**name)).map(|name| (*name).to_owned()).collect()
}

pub(super) fn table<'a>(project: &'a Table, path: &[&str]) -> Option<&'a Table> {
    path.iter().try_fold(project, |table, name| table.get(*name).and_then(Value::as_table))
}

/// What tox installs for the default environment, as arguments of pip. Lines with conditions or variables are left out.
fn tox(text: &str, files: &[String]) -> Vec<String> {
    let section = text.split("\n[").map(|part| part.trim_start_matches('[')).find(|part| part.starts_with("testenv]"));
    let mut inside = false;
    let mut found = Vec::new();
    for line in section.unwrap_or_default().lines() {
        let plain = |text: &str| {
            let text = text.trim();
            let safe = |c: char| c.is_ascii_alphanumeric() || " .,_-/<>=~![]".contains(c);
            (!text.is_empty() && text.chars().all(safe)).then(|| text.to_owned())
        };
        let named = line.split_once('=').filter(|(name, _)| name.trim() == "deps");
        let dependency = match named {
            Some((_, rest)) => {
                inside = true;
                plain(rest)
            }
            None if line.starts_with([' ', '\t']) && inside => plain(line),
            None => {
                inside = line.trim().is_empty() && inside;
                None
            }
        };
        let Some(dependency) = dependency else { continue };
        let file = dependency.strip_prefix("-r").map(str::trim);
        match file {
            Some(file) if files.iter().any(|known| known == file) => {}
            Some(file) if file.starts_with('-') || file.contains(char::is_whitespace) => {}
            Some(file) => found.push(format!("--requirement '{file}'")),
            None if dependency.starts_with('-') => {}
            None => found.push(format!("'{dependency}'")),
        }
    }
    found
}

fn compiles(folder: &Folder<'_>, project: &Table) -> bool {
    let backend =
        table(project, &["build-system"]).and_then(|table| table.get("build-backend")).and_then(Value::as_str);
    let extension = |text: &str| {
        ["ext_modules", "Extension(", "cythonize", "cffi_modules", "rust_extensions"]
            .iter()
            .any(|word| text.contains(word))
    };
    backend.is_some_and(|backend| COMPILERS.iter().any(|compiler| backend.starts_with(compiler)))
        || folder.text("setup.py").is_some_and(extension)
}
