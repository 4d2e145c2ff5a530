use super::super::tests::{commands, installed};

#[test]
fn python_projects_are_known_by_more_than_their_manifest() {
    let linter = ("pyproject.toml", "[tool.ruff]\n");
    assert_eq!(commands(&["requirements.txt", "tests/test_a.py"], &[linter]), ["pytest"]);
    // Another project's scripts may have requirements.
    assert_eq!(commands(&["requirements.txt", "tests/run.py"], &[("Makefile", "test:\n")]), ["make test"]);
    let nested = ["api/requirements.txt", "api/test_a.py"];
    assert_eq!(commands(&nested, &[]), ["cd api && ~/.venvs/api/bin/pytest"]);
    assert_eq!(commands(&["setup.py", "test.py"], &[]), ["pytest test.py"]);
    assert_eq!(commands(&["manage.py", "shop/tests.py"], &[]), ["python manage.py test"]);
    assert_eq!(commands(&["manage.py", "pytest.ini", "shop/test_a.py"], &[]), ["pytest"]);
    assert_eq!(commands(&["manage.py", "shop/a.py"], &[]), [""; 0]);
}

#[test]
fn what_other_tools_declare_is_installed_for_python() {
    let last = |name: &str, text: &str| {
        let found = installed(&["tests/test_a.py"], &[(name, text)]);
        let found = found.into_iter().filter(|command| command.contains("--quiet '"));
        found.filter_map(|command| Some(command.split_once("--quiet ")?.1.to_owned())).collect::<Vec<_>>().join("; ")
    };
    let manifest = |text: &str| last("pyproject.toml", &format!("[project]\nname='a'\n{text}"));
    assert_eq!(
        manifest("[tool.hatch.envs.default]\ndependencies=['pytest-cov>=4', 'x; evil']\n"),
        "'pytest-cov>=4' 'x; evil'"
    );
    assert_eq!(manifest("[tool.pdm.dev-dependencies]\ntest=['a', '-e .', 'b$(c)']\n"), "'a'");
    assert_eq!(
        manifest("[tool.uv]\ndev-dependencies=[\"c; python_version < '3.9'\"]\n"),
        "'c; python_version < \"3.9\"'"
    );
    let poetry = "[tool.poetry.group.dev.dependencies]\npython='^3'\npytest='^7'\nlocal={path='x'}\n";
    assert_eq!(manifest(poetry), "'pytest'");
    assert_eq!(last("setup.py", "setup(tests_require=['mock', \"nose2\"])"), "'mock' 'nose2'");
    let poetry = installed(&["tests/test_a.py", "poetry.lock"], &[("pyproject.toml", poetry)]).join("\n");
    assert!(poetry.contains("poetry install") && poetry.contains("poetry export"), "{poetry}");
}
