//! GraphQL at `/api/graphql`: the few mutations that REST does not have, and enough of the queries to look at what they did.
//!
//! A request is really parsed ([`parse`]): operations, variables, arguments, aliases, inline and named fragments. Each field of the
//! root is resolved ([`resolve`]) to a whole object, of which [`select`] keeps what was asked for; a field that the schema
//! here does not have is an error, as on GitHub. Errors come with status 200, in GraphQL's shape with GitHub's `type`.
//! <https://docs.github.com/en/graphql>

mod nodes;
mod parse;
mod resolve;
mod select;

use std::sync::Arc;

use axum::{Router, http::StatusCode, routing::post};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    auth::Caller,
    hub::Hub,
    rest::{Answer, ApiError, Ctx, Input, ok},
};
use parse::{Document, Position};

/// The one route.
pub(crate) fn router(hub: Arc<Hub>) -> Router {
    Router::new().route("/api/graphql", post(serve)).with_state(hub)
}

/// Whether a request's body asks for a mutation; one that is not understood asks for nothing.
pub(crate) fn is_mutation(body: &[u8]) -> bool {
    let Ok(request) = serde_json::from_slice::<Request>(body) else { return false };
    Document::parse(&request.query)
        .is_ok_and(|document| document.operation(request.operation.as_deref()).is_ok_and(|found| found.is_mutation))
}

#[derive(Deserialize)]
struct Request {
    #[serde(default)]
    query: String,
    #[serde(default, rename = "operationName")]
    operation: Option<String>,
    #[serde(default)]
    variables: Option<Map<String, Value>>,
}

/// What went wrong with one field, or with the whole.
#[derive(Debug)]
pub(crate) struct Fault {
    message: String,
    /// GitHub's word for what kind of fault it is; none for faults of the request itself.
    kind: Option<&'static str>,
    extensions: Option<Value>,
    at: Option<Position>,
}

impl Fault {
    fn of_kind(kind: &'static str, message: impl Into<String>) -> Self {
        Self { message: message.into(), kind: Some(kind), extensions: None, at: None }
    }

    fn of_request(message: impl Into<String>, at: Option<Position>) -> Self {
        Self { message: message.into(), kind: None, extensions: None, at }
    }

    fn undefined(field: &str, kind: &str, at: Position) -> Self {
        Self {
            message: format!("Field '{field}' doesn't exist on type '{kind}'"),
            kind: None,
            extensions: Some(json!({ "code": "undefinedField", "typeName": kind, "fieldName": field })),
            at: Some(at),
        }
    }

    fn shown(&self, path: &[&str]) -> Value {
        let mut value = json!({ "message": self.message });
        if let Some(kind) = self.kind {
            value["type"] = json!(kind);
        }
        if !path.is_empty() {
            value["path"] = json!(path);
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

async fn serve(ctx: Ctx, Input(request): Input<Request>) -> Answer {
    if matches!(ctx.caller, Caller::Anonymous | Caller::App(_)) {
        return Err(ApiError::new(StatusCode::UNAUTHORIZED, "This endpoint requires you to be authenticated."));
    }
    let variables = request.variables.unwrap_or_default();
    Ok(ok(match Document::parse(&request.query) {
        Ok(document) => execute(&ctx, &document, request.operation.as_deref(), &variables),
        Err(fault) => json!({ "errors": [fault.shown(&[])] }),
    }))
}

fn execute(ctx: &Ctx, document: &Document, operation: Option<&str>, variables: &Map<String, Value>) -> Value {
    let operation = match document.operation(operation) {
        Ok(operation) => operation,
        Err(fault) => return json!({ "errors": [fault.shown(&[])] }),
    };
    let root = if operation.is_mutation { "Mutation" } else { "Query" };
    // A request with a field that does not exist is not run at all: half a mutation would be worse than none.
    if let Some(fault) = operation.fields.iter().find_map(|field| resolve::check(field, root)) {
        return json!({ "errors": [fault.shown(&[])] });
    }
    let (mut data, mut errors) = (Map::new(), Vec::new());
    for field in &operation.fields {
        let key = field.key();
        let answer =
            resolve::field(ctx, field, variables).and_then(|whole| select::from(document, &whole, &field.selection));
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
