//! GitHub's description of its API: requests, answers and webhooks.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::LazyLock;

use boon::{Compiler, SchemaIndex, Schemas};
use github_playground::Exchange;
use serde_json::Value;

/// Parameters of a path that may contain slashes.
const DEEP: &[&str] = &["{path}", "{ref}", "{branch}", "{basehead}", "{dir}"];

/// Webhooks whose schemas lack a member that every delivery to an app has.
/// <https://docs.github.com/en/webhooks/webhook-events-and-payloads#delivery-headers>
const WITHOUT_INSTALLATION: [&str; 2] = ["pull_request.milestoned", "pull_request.demilestoned"];

/// The whole description, parsed once.
pub(super) static GITHUB: LazyLock<Description> = LazyLock::new(Description::read);

/// GitHub's description, as far as the fixtures contain it.
pub(super) struct Description {
    schemas: Schemas,
    operations: BTreeMap<String, Operation>,
    webhooks: BTreeMap<String, SchemaIndex>,
    error: SchemaIndex,
    invalid: SchemaIndex,
}

struct Operation {
    /// The schema of the JSON body.
    request: Option<SchemaIndex>,
    /// The parameters of the query string.
    query: BTreeSet<String>,
    /// The answers by status; `None` for an answer without JSON.
    answers: BTreeMap<u16, Option<SchemaIndex>>,
}

impl Description {
    fn read() -> Self {
        let (rest, webhooks) = (read("rest.json"), read("webhooks.json"));
        let mut compiler = Compiler::new();
        compiler.enable_format_assertions();
        compiler.add_resource("http://github.test/rest.json", rest.clone()).unwrap();
        compiler.add_resource("http://github.test/webhooks.json", webhooks.clone()).unwrap();
        let mut schemas = Schemas::new();
        let mut compile = |pointer: &str| {
            let location = format!("http://github.test/{pointer}");
            compiler.compile(&location, &mut schemas).unwrap_or_else(|error| panic!("{error:#}"))
        };
        let operations = members(&rest["operations"]);
        let operations =
            operations.map(|(name, told)| (name.clone(), Operation::new(name, told, &mut compile))).collect();
        let webhooks = members(&webhooks["webhooks"]);
        let webhooks =
            webhooks.map(|(name, _)| (name.clone(), compile(&format!("webhooks.json#/webhooks/{name}")))).collect();
        let error = compile("rest.json#/schemas/basic-error");
        let invalid = compile("rest.json#/schemas/validation-error");
        Self { schemas, operations, webhooks, error, invalid }
    }

    /// Whether GitHub would send this webhook; `None` if the description does not have it.
    pub(super) fn sends(&self, name: &str, payload: &Value) -> Option<Result<(), String>> {
        let schema = *self.webhooks.get(name)?;
        if !WITHOUT_INSTALLATION.contains(&name) {
            return Some(self.fits(schema, payload));
        }
        let mut payload = payload.clone();
        payload.as_object_mut()?.remove("installation");
        Some(self.fits(schema, &payload))
    }

    /// The operation of an exchange, and whether GitHub would answer like this; `None` if the description does not have
    /// the operation. `by_app` means that the app under test sent the request. Such a request may not contain anything
    /// that GitHub does not know.
    pub(super) fn answers(&self, exchange: &Exchange<'_>, by_app: bool) -> Option<(&str, Result<(), String>)> {
        let (name, operation) = self.operation(exchange.method, &by_name(exchange.path))?;
        Some((name, self.judge(operation, exchange, by_app)))
    }

    /// The operation of a request: the one with the fewest parameters, if several match.
    fn operation(&self, method: &str, path: &str) -> Option<(&str, &Operation)> {
        let fitting = self.operations.iter().filter_map(|(name, operation)| {
            let (of, template) = name.split_once(' ').unwrap();
            let parameters = (of == method).then(|| parameters(template, path)).flatten()?;
            Some(((parameters, Reverse(template.matches('/').count())), name.as_str(), operation))
        });
        fitting.min_by_key(|(order, ..)| *order).map(|(_, name, operation)| (name, operation))
    }

    fn judge(&self, operation: &Operation, exchange: &Exchange<'_>, by_app: bool) -> Result<(), String> {
        let status = exchange.status;
        if exchange.content_type.starts_with("application/json") || exchange.answer.is_empty() {
            self.answer(operation, exchange).map_err(|why| format!("{status}: {why}"))?;
        }
        // A refused request may be invalid in any way.
        if status >= 400 {
            return Ok(());
        }
        if exchange.method == "GET" && by_app {
            operation.question(exchange.query)?;
        }
        match operation.request {
            Some(schema) if !exchange.request.is_empty() => {
                let asked: Value =
                    serde_json::from_slice(exchange.request).map_err(|error| format!("the request: {error}"))?;
                // Where null is a valid value, it may even be required.
                let verdict = self.fits(schema, &asked).or_else(|_| self.fits(schema, &plain(exchange.path, asked)));
                verdict.map_err(|why| format!("{status}, where the request is wrong: {why}"))
            }
            _ => Ok(()),
        }
    }

    fn answer(&self, operation: &Operation, exchange: &Exchange<'_>) -> Result<(), String> {
        let status = exchange.status;
        let body = (!exchange.answer.is_empty()).then(|| serde_json::from_slice::<Value>(exchange.answer));
        let mut body = body.transpose().map_err(|error| error.to_string())?;
        // GitHub puts the status into the body of every error. The description has that only for some.
        if let (400.., Some(Value::Object(members))) = (status, &mut body) {
            members.remove("status");
            // GitHub answers this for a blob that is too large, in the same list as in a 422.
            let code = members.get("errors").and_then(|errors| errors.pointer("/0/code"));
            if status == 403 && code.is_some_and(|code| code == "too_large") {
                members.remove("errors");
            }
        }
        match (operation.answers.get(&status), body) {
            (Some(Some(schema)), Some(body)) => self.fits(*schema, &body),
            (Some(Some(_)), None) if status < 300 => Err("there is no body".to_owned()),
            (Some(None), Some(body)) if status < 300 && body != serde_json::json!({}) => {
                Err(format!("there is a body: {body}"))
            }
            (Some(_), _) => Ok(()),
            // Any operation on a renamed repository redirects.
            (None, Some(body)) if status == 301 || status == 307 => self.fits(self.error, &body),
            // The description has few of the errors that any operation may answer.
            (None, Some(body)) if status == 422 => self.fits(self.invalid, &body),
            (None, Some(body)) if status >= 400 => self.fits(self.error, &body),
            (None, _) => Err("GitHub describes no such answer".to_owned()),
        }
    }

    fn fits(&self, schema: SchemaIndex, value: &Value) -> Result<(), String> {
        let verdict = self.schemas.validate(value, schema);
        verdict.map_err(|error| format!("{error:#}").lines().skip(1).collect::<Vec<_>>().join("\n"))
    }
}

/// `/repositories/{id}/…`, the target of redirects for renamed repositories, serves the same as
/// `/repos/{owner}/{repo}/…`.
fn by_name(path: &str) -> String {
    let Some(rest) = path.strip_prefix("/repositories/") else { return path.to_owned() };
    let rest = rest.find('/').map_or("", |at| &rest[at..]);
    format!("/repos/owner/repo{rest}")
}

impl Operation {
    fn new(name: &str, told: &Value, compile: &mut impl FnMut(&str) -> SchemaIndex) -> Self {
        let at = name.replace('~', "~0").replace('/', "~1").replace(' ', "%20").replace('{', "%7B").replace('}', "%7D");
        let mut schema = |told: &Value, place: &str| {
            (!told.is_null()).then(|| compile(&format!("rest.json#/operations/{at}/{place}")))
        };
        let request = schema(&told["request"], "request");
        let answers = members(&told["responses"])
            .filter_map(|(status, told)| Some((status.parse().ok()?, schema(told, &format!("responses/{status}")))))
            .collect();
        let query = told["query"].as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()).collect();
        Self { request, query, answers }
    }

    /// Whether GitHub knows every parameter of a query string.
    fn question(&self, query: &str) -> Result<(), String> {
        let names = query.split('&').filter_map(|pair| pair.split('=').next()).filter(|name| !name.is_empty());
        let unknown: Vec<_> = names.filter(|name| !self.query.contains(*name)).collect();
        if unknown.is_empty() {
            Ok(())
        } else {
            Err(format!("the query has unknown parameters: {}", unknown.join(", ")))
        }
    }
}

/// How many parameters a template needs to match this path; `None` if it does not match.
pub(super) fn parameters(template: &str, path: &str) -> Option<usize> {
    let (mut count, mut parts) = (0, path.trim_end_matches('/').split('/'));
    let mut pieces = template.trim_end_matches('/').split('/');
    while let Some(piece) = pieces.next() {
        let part = parts.next()?;
        if piece.starts_with('{') {
            if part.is_empty() {
                return None;
            }
            count += 1;
            while DEEP.contains(&piece) && parts.clone().count() > pieces.clone().count() {
                parts.next();
            }
        } else if piece != part {
            return None;
        }
    }
    parts.next().is_none().then_some(count)
}

/// A request in the form of the description. Clients send null for missing members, and labels as a plain list, which
/// may be empty (<https://docs.github.com/en/rest/issues/labels#set-labels-for-an-issue>).
fn plain(path: &str, asked: Value) -> Value {
    let labels = path.ends_with("/labels");
    match asked {
        Value::Object(members) => {
            let kept = members.into_iter().filter(|(_, value)| !value.is_null());
            kept.filter(|(_, value)| !(labels && value.as_array().is_some_and(Vec::is_empty))).collect()
        }
        Value::Array(names) if labels => plain(path, serde_json::json!({ "labels": names })),
        other => other,
    }
}

fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().unwrap().iter()
}

fn read(file: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(file);
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}
