//! Selects the fields that a request asks for.

use serde_json::{Map, Value, json};

use super::{
    GraphqlError,
    fetch::Fetched,
    nodes,
    parse::{Document, Field, FieldSelection},
    queue,
    schema::SCHEMA,
};
use crate::{state::Id, view::View};

/// An object whose fields can be selected. Objects that may form cycles are only looked up when they are requested.
#[derive(Debug, Clone)]
pub(super) enum Thing {
    /// A JSON value. An object has its type in `__typename`.
    Plain(Value),
    Repository(Id),
    /// The merge queue of a branch.
    Queue(Id, String),
    /// An issue or a pull request.
    Issue(Id, u64),
    /// A conversation on the diff, by its first comment.
    Thread(Id, u64, Id),
    /// A commit that was read from git.
    Commit(Id, String),
    /// An object of this type with these fields.
    Object(&'static str, Vec<(&'static str, Thing)>),
    /// All items of a paginated list, with the name of the connection.
    Connection(&'static str, Vec<Thing>),
}

/// The data that a selection needs.
#[derive(Clone, Copy)]
pub(super) struct Desk<'a> {
    pub(super) document: &'a Document,
    pub(super) variables: &'a Map<String, Value>,
    pub(super) view: View<'a>,
    pub(super) fetched: &'a Fetched,
}

impl Desk<'_> {
    /// Keeps the selected fields.
    pub(super) fn select(self, thing: &Thing, selection: &[FieldSelection]) -> Result<Value, GraphqlError> {
        match thing {
            Thing::Plain(Value::Array(items)) => {
                items.iter().map(|item| self.select(&Thing::Plain(item.clone()), selection)).collect()
            }
            Thing::Plain(plain) if !plain.is_object() => Ok(plain.clone()),
            thing => {
                let mut kept = Map::new();
                self.keep(thing, selection, &mut kept)?;
                Ok(Value::Object(kept))
            }
        }
    }

    fn keep(
        self,
        thing: &Thing,
        selection: &[FieldSelection],
        kept: &mut Map<String, Value>,
    ) -> Result<(), GraphqlError> {
        let kind = self.kind(thing);
        for wanted in selection.iter().filter(|wanted| wanted.is_wanted(self.variables)) {
            match wanted {
                FieldSelection::Field(field) => {
                    let value = self.field(thing, &kind, field)?;
                    merge(kept, field.key(), value);
                }
                FieldSelection::Inline { on, selection, .. } => {
                    if on.as_deref().is_none_or(|on| SCHEMA.is_a(&kind, on)) {
                        self.keep(thing, selection, kept)?;
                    }
                }
                FieldSelection::Spread { name, .. } => {
                    if let Some(fragment) = self.document.fragments.get(name).filter(|all| SCHEMA.is_a(&kind, &all.on))
                    {
                        self.keep(thing, &fragment.selection, kept)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn kind(self, thing: &Thing) -> String {
        match thing {
            Thing::Plain(value) => value["__typename"].as_str().unwrap_or_default().to_owned(),
            Thing::Repository(_) => "Repository".to_owned(),
            Thing::Issue(repo, number) => {
                let issue = &self.view.state.repo_by_id(*repo).issues[number];
                if issue.pull.is_some() { "PullRequest" } else { "Issue" }.to_owned()
            }
            Thing::Queue(..) => "MergeQueue".to_owned(),
            Thing::Thread(..) => "PullRequestReviewThread".to_owned(),
            Thing::Commit(..) => "Commit".to_owned(),
            Thing::Object(kind, _) | Thing::Connection(kind, _) => (*kind).to_owned(),
        }
    }

    fn field(self, thing: &Thing, kind: &str, field: &Field) -> Result<Value, GraphqlError> {
        if field.name == "__typename" {
            return Ok(json!(kind));
        }
        let argument = |name: &str| field.argument(name, self.variables);
        let found = match thing {
            Thing::Plain(value) => value.get(&field.name).cloned().map(Thing::Plain),
            Thing::Object(_, members) => {
                members.iter().find(|(name, _)| *name == field.name).map(|(_, thing)| thing.clone())
            }
            Thing::Repository(id) => nodes::repository_field(self, *id, field, &argument)?,
            Thing::Issue(repo, number) => nodes::issue_field(self, (*repo, *number), &field.name),
            Thing::Queue(repo, branch) => queue::field(self, (*repo, branch), &field.name),
            Thing::Thread(repo, number, first) => nodes::thread_field(self, (*repo, *number, *first), &field.name),
            Thing::Commit(repo, sha) => nodes::commit_field(self, (*repo, sha), &field.name),
            Thing::Connection(..) => return Err(broken()),
        };
        match found.ok_or_else(broken)? {
            Thing::Connection(kind, items) => self.connection(kind, &items, field),
            thing => self.select(&thing, &field.selection),
        }
    }

    /// A page of a list. <https://docs.github.com/en/graphql/guides/using-pagination-in-the-graphql-api>
    fn connection(self, kind: &'static str, items: &[Thing], field: &Field) -> Result<Value, GraphqlError> {
        let number = |name: &str| field.argument(name, self.variables).as_i64();
        let name = &field.name;
        let size = match (number("first"), number("last")) {
            (None, None) => {
                let message =
                    format!("You must provide a `first` or `last` value to properly paginate the `{name}` connection.");
                return Err(GraphqlError::of_kind("MISSING_PAGINATION_BOUNDARIES", message));
            }
            (Some(size), _) | (None, Some(size)) => size,
        };
        let which = if number("first").is_some() { "first" } else { "last" };
        if size > 100 {
            let message = format!(
                "Requesting {size} records on the `{name}` connection exceeds the `{which}` limit of 100 records."
            );
            return Err(GraphqlError::of_kind("EXCESSIVE_PAGINATION", message));
        }
        let size = usize::try_from(size).map_err(|_| {
            GraphqlError::of_request(
                format!("`{which}` on the `{name}` connection cannot be less than zero."),
                Some(field.at),
            )
        })?;
        let cursor = |name: &str| field.argument(name, self.variables).as_str().and_then(place_of);
        let (mut from, mut to) = (cursor("after").unwrap_or(0).min(items.len()), items.len());
        to = cursor("before").map_or(to, |before| before.saturating_sub(1)).clamp(from, items.len());
        if which == "first" {
            to = to.min(from.saturating_add(size));
        } else {
            from = from.max(to.saturating_sub(size));
        }
        let edge = |at: usize| if from < to { json!(cursor_of(at)) } else { Value::Null };
        let page = json!({
            "__typename": "PageInfo", "hasNextPage": to < items.len(), "hasPreviousPage": from > 0,
            "startCursor": edge(from + 1), "endCursor": edge(to),
        });
        let mut kept = Map::new();
        for wanted in self.flat(&field.selection, kind) {
            let value = match wanted.name.as_str() {
                "__typename" => json!(kind),
                "totalCount" => json!(items.len()),
                "pageInfo" => self.select(&Thing::Plain(page.clone()), &wanted.selection)?,
                "nodes" => {
                    items[from..to].iter().map(|item| self.select(item, &wanted.selection)).collect::<Result<_, _>>()?
                }
                _ => return Err(broken()),
            };
            merge(&mut kept, wanted.key(), value);
        }
        Ok(Value::Object(kept))
    }

    /// The fields of a selection, including those of its fragments.
    pub(super) fn flat<'s>(&self, selection: &'s [FieldSelection], kind: &str) -> Vec<&'s Field>
    where
        Self: 's,
    {
        flat(self.document, self.variables, selection, kind)
    }
}

/// The fields of a selection, including those of its fragments, as far as they apply to `kind`.
pub(super) fn flat<'s>(
    document: &'s Document,
    variables: &Map<String, Value>,
    selection: &'s [FieldSelection],
    kind: &str,
) -> Vec<&'s Field> {
    let mut fields = Vec::new();
    for wanted in selection.iter().filter(|wanted| wanted.is_wanted(variables)) {
        match wanted {
            FieldSelection::Field(field) => fields.push(field),
            FieldSelection::Inline { on, selection, .. } => {
                if on.as_deref().is_none_or(|on| SCHEMA.is_a(kind, on)) {
                    fields.extend(flat(document, variables, selection, kind));
                }
            }
            FieldSelection::Spread { name, .. } => {
                if let Some(fragment) = document.fragments.get(name).filter(|all| SCHEMA.is_a(kind, &all.on)) {
                    fields.extend(flat(document, variables, &fragment.selection, kind));
                }
            }
        }
    }
    fields
}

/// A field that is in the schema but cannot be answered: an internal error, as on GitHub.
fn broken() -> GraphqlError {
    GraphqlError::of_request("Something went wrong while executing your query.", None)
}

/// Two selections of one object are merged (<https://spec.graphql.org/October2021/#sec-Field-FieldSelection-Merging>).
fn merge(kept: &mut Map<String, Value>, key: &str, value: Value) {
    match (kept.get_mut(key), value) {
        (Some(Value::Object(before)), Value::Object(more)) => {
            for (key, value) in more {
                merge(before, &key, value);
            }
        }
        (_, value) => {
            kept.insert(key.to_owned(), value);
        }
    }
}

fn cursor_of(at: usize) -> String {
    use base64::{Engine, engine::general_purpose::STANDARD};
    STANDARD.encode(format!("cursor:v2:{at}"))
}

fn place_of(cursor: &str) -> Option<usize> {
    use base64::{Engine, engine::general_purpose::STANDARD};
    String::from_utf8(STANDARD.decode(cursor).ok()?).ok()?.strip_prefix("cursor:v2:")?.parse().ok()
}
