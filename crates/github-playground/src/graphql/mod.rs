//! GraphQL at `/api/graphql`: the queries and mutations that clients use.
//!
//! A request is parsed ([`parse`]) and validated against GitHub's own schema ([`check`]; [`schema`] has the part that
//! is served) before any of it is executed. Data from git is read first ([`fetch`]), each root field is resolved
//! ([`resolve`], [`mutate`]), and [`select`] picks the requested fields. Errors have status 200 and GraphQL's shape
//! with GitHub's `type`.
//! <https://docs.github.com/en/graphql>

mod check;
mod fetch;
mod lex;
mod mutate;
mod nodes;
mod parse;
mod queue;
mod resolve;
mod schema;
mod select;
mod transfer;

use std::sync::Arc;

use axum::{Router, http::StatusCode, routing::post};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::{
    app_state::AppState,
    auth::Caller,
    error::ApiError,
    rest::{Answer, Ctx, Input, ok},
};
use parse::{Document, Operation, Position};
use resolve::Request;
use select::flat;

pub(crate) fn router(app_state: Arc<AppState>) -> Router {
    Router::new().route("/api/graphql", post(serve)).with_state(app_state)
}

/// Whether a request's body contains a mutation; false if it cannot be parsed.
pub(crate) fn is_mutation(body: &[u8]) -> bool {
    let Ok(request) = serde_json::from_slice::<Asked>(body) else { return false };
    Document::parse(&request.query)
        .is_ok_and(|document| document.operation(request.operation.as_deref()).is_ok_and(|found| found.is_mutation))
}

#[derive(Deserialize)]
struct Asked {
    #[serde(default)]
    query: String,
    #[serde(default, rename = "operationName")]
    operation: Option<String>,
    #[serde(default)]
    variables: Option<Map<String, Value>>,
}

/// An error of one field, or of the whole request.
#[derive(Debug)]
pub(crate) struct GraphqlError {
    message: String,
    /// GitHub's word for the kind of the error; `None` for faults of the request itself.
    kind: Option<&'static str>,
    extensions: Option<Value>,
    at: Option<Position>,
    /// The path in the request, for faults that are found before the execution.
    path: Vec<String>,
}

impl GraphqlError {
    fn of_kind(kind: &'static str, message: impl Into<String>) -> Self {
        Self { message: message.into(), kind: Some(kind), extensions: None, at: None, path: Vec::new() }
    }

    fn of_request(message: impl Into<String>, at: Option<Position>) -> Self {
        Self { message: message.into(), kind: None, extensions: None, at, path: Vec::new() }
    }

    fn undefined(field: &str, kind: &str, at: Position) -> Self {
        Self {
            message: format!("Field '{field}' doesn't exist on type '{kind}'"),
            kind: None,
            extensions: Some(json!({ "code": "undefinedField", "typeName": kind, "fieldName": field })),
            at: Some(at),
            path: Vec::new(),
        }
    }

    fn shown(&self, path: &[&str]) -> Value {
        let mut value = json!({ "message": self.message });
        if let Some(kind) = self.kind {
            value["type"] = json!(kind);
        }
        if !path.is_empty() {
            value["path"] = json!(path);
        } else if !self.path.is_empty() {
            value["path"] = json!(self.path);
        }
        if let Some(extensions) = &self.extensions {
            value["extensions"] = extensions.clone();
        }
        if let Some(at) = self.at {
            value["locations"] = json!([{ "line": at.line, "column": at.column }]);
        }
        value
    }
}

async fn serve(ctx: Ctx, Input(request): Input<Asked>) -> Answer {
    if matches!(ctx.caller, Caller::Anonymous | Caller::App(_)) {
        return Err(ApiError::new(StatusCode::UNAUTHORIZED, "This endpoint requires you to be authenticated."));
    }
    let answer = run(&ctx, &request).await;
    if let Some(observer) = &ctx.app_state.observer {
        observer.queried(&request.query, &answer);
    }
    Ok(ok(answer))
}

async fn run(ctx: &Ctx, asked: &Asked) -> Value {
    let refuse =
        |faults: &[GraphqlError]| json!({ "errors": faults.iter().map(|fault| fault.shown(&[])).collect::<Vec<_>>() });
    let document = match Document::parse(&asked.query) {
        Ok(document) => document,
        Err(fault) => return refuse(&[fault]),
    };
    let operation = match document.operation(asked.operation.as_deref()) {
        Ok(operation) => operation,
        Err(fault) => return refuse(&[fault]),
    };
    let faults = check::operation(&document, operation);
    if !faults.is_empty() {
        return refuse(&faults);
    }
    let nothing = Map::new();
    let variables = match check::variables(operation, asked.variables.as_ref().unwrap_or(&nothing)) {
        Ok(variables) => variables,
        Err(fault) => return refuse(&[fault]),
    };
    execute(Request { ctx, document: &document, variables: &variables }, operation).await
}

async fn execute(request: Request<'_>, operation: &Operation) -> Value {
    let root = if operation.is_mutation { "Mutation" } else { "Query" };
    let (mut data, mut errors) = (Map::new(), Vec::new());
    for field in flat(request.document, request.variables, &operation.selection, root) {
        let key = field.key();
        let answer = match (field.name.as_str(), operation.is_mutation) {
            ("__typename", _) => Ok(json!(root)),
            (_, true) => request.mutation(field).await,
            (_, false) => request.query(field).await,
        };
        match answer {
            Ok(value) => {
                data.insert(key.to_owned(), value);
            }
            Err(mut fault) => {
                fault.at = fault.at.or(Some(field.at));
                errors.push(fault.shown(&[key]));
                data.insert(key.to_owned(), Value::Null);
            }
        }
    }
    if errors.is_empty() { json!({ "data": data }) } else { json!({ "data": data, "errors": errors }) }
}
