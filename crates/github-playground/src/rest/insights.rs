//! Languages and contributors of a repository, from git. <https://docs.github.com/en/rest/repos/repos#list-repository-languages>

use std::{cmp::Reverse, collections::BTreeMap, sync::Arc};

use axum::{Router, routing::get};
use serde_json::{Map, Value, json};

use super::context::{Answer, At, Ctx, no_content, ok};
use crate::{
    app_state::AppState,
    state::{Id, Scope},
};

pub(super) fn routes() -> Router<Arc<AppState>> {
    Router::new()
        .route("/repos/{owner}/{repo}/languages", get(languages))
        .route("/repos/{owner}/{repo}/contributors", get(contributors))
}

/// The languages that are counted, by extension. GitHub counts programming and markup languages, but not prose or data.
/// <https://docs.github.com/en/repositories/managing-your-repositorys-settings-and-features/customizing-your-repository/about-repository-languages>
const LANGUAGES: &[(&str, &str)] = &[
    ("bash", "Shell"),
    ("c", "C"),
    ("cc", "C++"),
    ("cpp", "C++"),
    ("cs", "C#"),
    ("css", "CSS"),
    ("go", "Go"),
    ("h", "C"),
    ("html", "HTML"),
    ("java", "Java"),
    ("js", "JavaScript"),
    ("kt", "Kotlin"),
    ("mjs", "JavaScript"),
    ("php", "PHP"),
    ("py", "Python"),
    ("rb", "Ruby"),
    ("rs", "Rust"),
    ("scala", "Scala"),
    ("sh", "Shell"),
    ("swift", "Swift"),
    ("ts", "TypeScript"),
    ("tsx", "TypeScript"),
];

/// Bytes per language, the largest first.
async fn languages(ctx: Ctx, At((owner, name)): At<(String, String)>) -> Answer {
    let (git, branch) = {
        let state = ctx.state();
        let repo = ctx.read(&state, (&owner, &name), &[Scope::Metadata])?;
        (repo.git.clone(), repo.default_branch.clone())
    };
    let mut bytes: BTreeMap<&str, u64> = BTreeMap::new();
    for entry in git.list_tree_recursively(&branch).await?.unwrap_or_default() {
        let file = entry.path.rsplit('/').next().unwrap_or_default();
        let extension = file.rsplit_once('.').map(|(_, extension)| extension.to_lowercase());
        let language = extension.and_then(|extension| LANGUAGES.iter().find(|(known, _)| *known == extension));
        if let Some((_, language)) = language {
            *bytes.entry(language).or_default() += entry.size.unwrap_or_default();
        }
    }
    let mut bytes: Vec<_> = bytes.into_iter().collect();
    bytes.sort_by_key(|(_, bytes)| Reverse(*bytes));
    Ok(ok(bytes.into_iter().map(|(language, bytes)| (language.to_owned(), json!(bytes))).collect::<Map<_, _>>().into()))
}

/// The authors of the default branch's commits, the busiest first. Authors without an account are listed only with
/// `anon`.
/// <https://docs.github.com/en/rest/repos/repos#list-repository-contributors>
async fn contributors(ctx: Ctx, At((owner, name)): At<(String, String)>) -> Answer {
    let (git, branch) = {
        let state = ctx.state();
        let repo = ctx.read(&state, (&owner, &name), &[Scope::Metadata])?;
        (repo.git.clone(), repo.default_branch.clone())
    };
    let authors = git.authors(&branch).await?;
    if authors.is_empty() {
        return Ok(no_content());
    }
    let state = ctx.state();
    let view = ctx.view(&state);
    let mut known: BTreeMap<Id, u64> = BTreeMap::new();
    let mut all: Vec<(u64, Value)> = Vec::new();
    for author in authors {
        match state.account_by_email(&author.email) {
            Some(account) => *known.entry(account.id).or_default() += author.commits,
            None if ctx.query("anon").is_some_and(|anon| anon == "1" || anon == "true") => {
                let anonymous = json!({ "type": "Anonymous", "name": author.name, "email": author.email });
                all.push((author.commits, anonymous));
            }
            None => {}
        }
    }
    all.extend(known.into_iter().map(|(id, commits)| (commits, view.account(id))));
    all.sort_by_key(|(commits, _)| Reverse(*commits));
    Ok(ctx.list(all, |(commits, mut value)| {
        value["contributions"] = json!(commits);
        value
    }))
}
