//! Compares GraphQL answers with GitHub's schema: types, nullability and enum values.
//!
//! This crate parses the request with its own code and not with the playground's. Only names, aliases and fragments
//! matter for the shape of an answer.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::LazyLock;

use serde_json::{Map, Value};

static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../github-playground/src/graphql/schema.json");
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
});

#[derive(Debug, Clone)]
enum Selection {
    Field { key: String, name: String, inner: Vec<Selection>, may_miss: bool },
    On { kind: Option<String>, inner: Vec<Selection> },
    Spread(String),
}

struct Reader<'t> {
    words: Vec<&'t str>,
    next: usize,
}

/// Names, punctuation, strings and numbers. Everything between them is skipped.
fn words(text: &str) -> Vec<&str> {
    let (mut words, mut rest) = (Vec::new(), text);
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '#' => rest.find('\n').unwrap_or(rest.len()),
            '"' => {
                let end = rest[1..].char_indices().scan(false, |escaped, (at, c)| {
                    let ends = c == '"' && !*escaped;
                    *escaped = c == '\\' && !*escaped;
                    Some((at, ends))
                });
                end.filter(|(_, ends)| *ends).map(|(at, _)| at + 2).next().unwrap_or(rest.len())
            }
            '.' => rest.len().min(3),
            c if c.is_alphanumeric() || c == '_' => {
                rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len())
            }
            c => c.len_utf8(),
        };
        let (word, after) = rest.split_at(length);
        if !first.is_whitespace() && first != ',' && first != '#' {
            words.push(word);
        }
        rest = after;
    }
    words
}

impl Reader<'_> {
    fn peek(&self) -> &str {
        self.words.get(self.next).copied().unwrap_or_default()
    }

    fn take(&mut self) -> String {
        self.next += 1;
        self.words.get(self.next - 1).copied().unwrap_or_default().to_owned()
    }

    /// Skips arguments and directives. Returns whether a directive may leave the field out.
    fn skip(&mut self) -> bool {
        let mut directed = false;
        loop {
            match self.peek() {
                "(" => {
                    let mut depth = 0;
                    loop {
                        match self.take().as_str() {
                            "(" => depth += 1,
                            ")" => depth -= 1,
                            "" => return directed,
                            _ => {}
                        }
                        if depth == 0 {
                            break;
                        }
                    }
                }
                "@" => {
                    directed = true;
                    self.next += 2;
                }
                _ => return directed,
            }
        }
    }

    fn selection(&mut self) -> Vec<Selection> {
        let mut all = Vec::new();
        self.next += 1; // {
        while !matches!(self.peek(), "}" | "") {
            let word = self.take();
            if word == "..." {
                all.push(self.spread());
                continue;
            }
            let (key, name) = if self.peek() == ":" {
                self.next += 1;
                (word, self.take())
            } else {
                (word.clone(), word)
            };
            let may_miss = self.skip();
            let inner = if self.peek() == "{" { self.selection() } else { Vec::new() };
            all.push(Selection::Field { key, name, inner, may_miss });
        }
        self.next += 1; // }
        all
    }

    fn spread(&mut self) -> Selection {
        let kind = match self.peek() {
            "{" | "@" => None,
            "on" => {
                self.next += 1;
                Some(self.take())
            }
            _ => {
                let name = self.take();
                self.skip();
                return Selection::Spread(name);
            }
        };
        self.skip();
        Selection::On { kind, inner: self.selection() }
    }
}

type Fragments = BTreeMap<String, (String, Vec<Selection>)>;

/// Whether GitHub could have given this answer to the request.
pub(super) fn fits(query: &str, answer: &Value) -> Result<(), String> {
    let errors = answer["errors"].as_array();
    for error in errors.into_iter().flatten() {
        let is_placed = error.get("path").is_none_or(Value::is_array);
        if !error["message"].is_string() || !is_placed {
            return Err(format!("an error without its message, or with a path that is none: {error}"));
        }
    }
    let Some(data) = answer.get("data") else {
        return if errors.is_some_and(|errors| !errors.is_empty()) {
            Ok(())
        } else {
            Err("neither data nor errors".to_owned())
        };
    };
    let mut reader = Reader { words: words(query), next: 0 };
    let (mut fragments, mut operations) = (Fragments::new(), Vec::new());
    while !reader.peek().is_empty() {
        match reader.take().as_str() {
            "fragment" => {
                let name = reader.take();
                reader.next += 1; // on
                let kind = reader.take();
                reader.skip();
                fragments.insert(name, (kind, reader.selection()));
            }
            "{" => {
                reader.next -= 1;
                operations.push(("Query", reader.selection()));
            }
            word @ ("query" | "mutation") => {
                let root = if word == "query" { "Query" } else { "Mutation" };
                if !matches!(reader.peek(), "{" | "(" | "@") {
                    reader.next += 1;
                }
                reader.skip();
                operations.push((root, reader.selection()));
            }
            other => return Err(format!("what is `{other}`?")),
        }
    }
    let [(root, selection)] = operations.as_slice() else { return Ok(()) };
    // A failed field is null whatever its type is. All fields of the root may fail.
    let members = data.as_object().ok_or("the data are no object")?;
    object(members, root, selection, &fragments, errors.is_some())
}

fn object(
    members: &Map<String, Value>,
    kind: &str,
    selection: &[Selection],
    fragments: &Fragments,
    failed: bool,
) -> Result<(), String> {
    for wanted in selection {
        match wanted {
            Selection::Field { key, name, inner, may_miss } => {
                let Some(value) = members.get(key) else {
                    if *may_miss {
                        continue;
                    }
                    return Err(format!("{kind}.{name} was asked for and is not there"));
                };
                if name == "__typename" {
                    if value != kind {
                        return Err(format!("a {kind} calls itself {value}"));
                    }
                    continue;
                }
                let told = &SCHEMA[kind]["fields"][name]["type"];
                let told = told.as_str().ok_or_else(|| format!("GitHub's {kind} has no {name}"))?;
                if !(failed && value.is_null()) {
                    typed(value, told, inner, fragments, failed).map_err(|why| format!("{kind}.{name}: {why}"))?;
                }
            }
            Selection::On { kind: on, inner } => {
                if on.as_deref().is_none_or(|on| is_a(kind, on)) {
                    object(members, kind, inner, fragments, failed)?;
                }
            }
            Selection::Spread(name) => {
                let (on, inner) = fragments.get(name).ok_or_else(|| format!("there is no fragment {name}"))?;
                if is_a(kind, on) {
                    object(members, kind, inner, fragments, failed)?;
                }
            }
        }
    }
    Ok(())
}

fn is_a(kind: &str, on: &str) -> bool {
    kind == on || SCHEMA[on]["possible"].as_array().is_some_and(|possible| possible.iter().any(|one| one == kind))
}

fn typed(
    value: &Value,
    kind: &str,
    selection: &[Selection],
    fragments: &Fragments,
    failed: bool,
) -> Result<(), String> {
    if value.is_null() {
        return if kind.ends_with('!') { Err(format!("null, and it is {kind}")) } else { Ok(()) };
    }
    let kind = kind.trim_end_matches('!');
    if let Some(inner) = kind.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')) {
        let items = value.as_array().ok_or_else(|| format!("{value} is no list"))?;
        return items.iter().try_for_each(|item| typed(item, inner, selection, fragments, failed));
    }
    let told = &SCHEMA[kind];
    let fits = match (kind, told["kind"].as_str().unwrap_or_default()) {
        ("Int", _) => value.as_i64().is_some_and(|number| i32::try_from(number).is_ok()),
        ("Float", _) => value.is_number(),
        ("Boolean", _) => value.is_boolean(),
        ("String" | "ID", _) | (_, "SCALAR") => value.is_string(),
        (_, "ENUM") => told["values"].as_array().is_some_and(|words| words.contains(value)),
        (_, "OBJECT") => {
            let members = value.as_object().ok_or_else(|| format!("{value} is no {kind}"))?;
            return object(members, kind, selection, fragments, failed);
        }
        _ => {
            let members = value.as_object().ok_or_else(|| format!("{value} is no {kind}"))?;
            // Only `__typename` says which of the possible types it is. Without it, one of them must match.
            let possible = told["possible"].as_array().into_iter().flatten().filter_map(Value::as_str);
            let verdicts: Vec<_> = possible.map(|kind| object(members, kind, selection, fragments, failed)).collect();
            return if verdicts.iter().any(Result::is_ok) {
                Ok(())
            } else {
                verdicts.into_iter().next().unwrap_or(Ok(()))
            };
        }
    };
    if fits { Ok(()) } else { Err(format!("{value} is no {kind}")) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn answers_that_github_would_not_give_are_detected() {
        let query = "query X($n: Int!) { r: repository(owner: \"a\", name: \"}\") { nameWithOwner issue(number: $n) { ...F state } } } fragment F on Issue { title }";
        let with = |issue: Value| json!({ "data": { "r": { "nameWithOwner": "a/b", "issue": issue } } });
        assert_eq!(fits(query, &with(json!({ "title": "t", "state": "OPEN" }))), Ok(()));
        assert_eq!(fits(query, &with(Value::Null)), Ok(()));
        for wrong in [
            with(json!({ "title": "t", "state": "open" })),
            with(json!({ "title": null, "state": "OPEN" })),
            with(json!({ "title": 7, "state": "OPEN" })),
            with(json!({ "state": "OPEN" })),
            json!({ "data": { "r": { "nameWithOwner": null, "issue": null } } }),
            json!({ "data": {} }),
            json!({}),
        ] {
            assert!(fits(query, &wrong).is_err(), "{wrong}");
        }
    }
}
