//! Validates a request against the schema before any of it is executed, with GitHub's error messages.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::{
    GraphqlError,
    parse::{Document, Field, FieldSelection, Literal, Operation},
    schema::{Argument, SCHEMA, TypeKind, bare, items_of},
};

/// The deepest nesting of fragments. A deeper one is a cycle.
const DEPTH: usize = 32;

/// All faults of an operation. An operation with a fault is not executed at all, because half a mutation is worse than
/// none.
pub(super) fn operation(document: &Document, operation: &Operation) -> Vec<GraphqlError> {
    let mut check = Check { document, operation, used: BTreeSet::new(), faults: Vec::new() };
    let root = if operation.is_mutation { "Mutation" } else { "Query" };
    check.selection(&operation.selection, root, &mut vec![operation.title()]);
    for definition in &operation.variables {
        if SCHEMA.get(bare(&definition.kind)).is_none_or(|kind| !kind.fields.is_empty()) && !is_plain(&definition.kind)
        {
            let kind = bare(&definition.kind);
            let message = format!("{kind} isn't a defined input type (on ${})", definition.name);
            let extensions =
                json!({ "code": "variableRequiresValidType", "typeName": kind, "variableName": definition.name });
            check.fault(message, extensions, definition.at, &[operation.title()]);
        }
        if !check.used.contains(&definition.name) {
            let by = operation.name.clone().unwrap_or_else(|| "anonymous query".to_owned());
            let message = format!("Variable ${} is declared by {by} but not used", definition.name);
            let extensions = json!({ "code": "variableNotUsed", "variableName": definition.name });
            check.fault(message, extensions, definition.at, &[operation.title()]);
        }
    }
    check.faults
}

fn is_plain(kind: &str) -> bool {
    ["Boolean", "Float", "ID", "Int", "String"].contains(&bare(kind))
}

/// The variables of a request with their defaults, checked against their declared types.
pub(super) fn variables(operation: &Operation, given: &Map<String, Value>) -> Result<Map<String, Value>, GraphqlError> {
    let mut values = Map::new();
    for definition in &operation.variables {
        let value = match (given.get(&definition.name), &definition.default) {
            (Some(value), _) => value.clone(),
            (None, Some(default)) => default.value(&Map::new()),
            (None, None) if definition.kind.ends_with('!') => Value::Null,
            (None, None) => continue,
        };
        if let Err((path, explanation)) = fits(&value, &definition.kind) {
            let place: Vec<String> =
                path.iter().map(|part| part.as_str().map_or(part.to_string(), str::to_owned)).collect();
            let place =
                if path.is_empty() { String::new() } else { format!(" for {} ({explanation})", place.join(".")) };
            let message =
                format!("Variable ${} of type {} was provided invalid value{place}", definition.name, definition.kind);
            let mut fault = GraphqlError::of_request(message, Some(definition.at));
            fault.extensions =
                Some(json!({ "value": value, "problems": [{ "path": path, "explanation": explanation }] }));
            return Err(fault);
        }
        values.insert(definition.name.clone(), value);
    }
    Ok(values)
}

type Misfit = (Vec<Value>, String);

/// Checks that a value has a type; else the place in it and the reason.
fn fits(value: &Value, kind: &str) -> Result<(), Misfit> {
    let wrong = |explanation: String| Err((Vec::new(), explanation));
    if value.is_null() {
        return if kind.ends_with('!') { wrong("Expected value to not be null".to_owned()) } else { Ok(()) };
    }
    let below = |key: Value| {
        move |(mut path, explanation): Misfit| {
            path.insert(0, key);
            (path, explanation)
        }
    };
    if let Some(inner) = items_of(kind) {
        return match value {
            Value::Array(items) => {
                items.iter().enumerate().try_for_each(|(at, item)| fits(item, inner).map_err(below(json!(at))))
            }
            one => fits(one, inner),
        };
    }
    let name = bare(kind);
    let ok = match name {
        "Int" => value.as_i64().is_some_and(|number| i32::try_from(number).is_ok()),
        "Float" => value.is_number(),
        "Boolean" => value.is_boolean(),
        "ID" => value.is_string() || value.is_i64(),
        "String" => value.is_string(),
        _ => {
            let Some(told) = SCHEMA.get(name) else { return Ok(()) };
            match told.kind {
                TypeKind::Enum => {
                    if value.as_str().is_some_and(|word| told.values.iter().any(|all| all == word)) {
                        return Ok(());
                    }
                    return wrong(format!("Expected {value} to be one of: {}", told.values.join(", ")));
                }
                TypeKind::InputObject => {
                    let Some(members) = value.as_object() else {
                        return wrong(format!("Expected {value} to be a key-value object."));
                    };
                    for (name, argument) in &told.inputs {
                        if members.get(name).is_none() && argument.is_required() {
                            return Err((vec![json!(name)], "Expected value to not be null".to_owned()));
                        }
                    }
                    return members.iter().try_for_each(|(name, value)| match told.inputs.get(name) {
                        None => Err((vec![json!(name)], "Field is not defined on ".to_owned() + bare(kind))),
                        Some(argument) => fits(value, &argument.kind).map_err(below(json!(name))),
                    });
                }
                // The other scalars are strings.
                _ => value.is_string(),
            }
        }
    };
    if ok { Ok(()) } else { wrong(format!("Could not coerce value {value} to {name}")) }
}

struct Check<'d> {
    document: &'d Document,
    operation: &'d Operation,
    used: BTreeSet<String>,
    faults: Vec<GraphqlError>,
}

impl<'d> Check<'d> {
    fn fault(&mut self, message: String, extensions: Value, at: super::parse::Position, path: &[String]) {
        let mut fault = GraphqlError::of_request(message, Some(at));
        fault.extensions = Some(extensions);
        fault.path = path.to_vec();
        self.faults.push(fault);
    }

    fn selection(&mut self, selection: &'d [FieldSelection], kind: &str, path: &mut Vec<String>) {
        if path.len() > DEPTH {
            self.faults.push(GraphqlError::of_request("Fragments are nested too deeply", None));
            return;
        }
        for wanted in selection {
            let directives = match wanted {
                FieldSelection::Field(field) => &field.directives,
                FieldSelection::Inline { directives, .. } | FieldSelection::Spread { directives, .. } => directives,
            };
            for literal in directives.iter().flat_map(|directive| &directive.arguments).map(|(_, literal)| literal) {
                self.note_use(literal, "Boolean!", ("if", "directive"), path);
            }
            match wanted {
                FieldSelection::Field(field) => self.field(field, kind, path),
                FieldSelection::Inline { on, selection, at, .. } => {
                    path.push(on.as_ref().map_or("...".to_owned(), |on| format!("... on {on}")));
                    self.condition(on.as_deref().unwrap_or(kind), kind, selection, *at, path);
                    path.pop();
                }
                FieldSelection::Spread { name, at, .. } => match self.document.fragments.get(name) {
                    None => {
                        let message = format!("Fragment {name} was used, but not defined");
                        let extensions = json!({ "code": "useAndDefineFragment", "fragmentName": name });
                        self.fault(message, extensions, *at, path);
                    }
                    Some(fragment) => {
                        path.push(format!("...{name}"));
                        self.condition(&fragment.on, kind, &fragment.selection, fragment.at, path);
                        path.pop();
                    }
                },
            }
        }
    }

    fn condition(
        &mut self,
        on: &str,
        kind: &str,
        selection: &'d [FieldSelection],
        at: super::parse::Position,
        path: &mut Vec<String>,
    ) {
        if SCHEMA.get(on).is_none() {
            let message = format!("No such type {on}, so it can't be a fragment condition");
            self.fault(message, json!({ "code": "undefinedType", "typeName": on }), at, path);
        } else if !SCHEMA.overlap(on, kind) {
            let message = format!("Fragment on {on} can't be spread inside {kind}");
            let extensions = json!({ "code": "cannotSpreadFragment", "typeName": kind, "fragmentName": "unknown", "parentName": kind });
            self.fault(message, extensions, at, path);
        } else {
            self.selection(selection, on, path);
        }
    }

    fn field(&mut self, field: &'d Field, kind: &str, path: &mut Vec<String>) {
        path.push(field.key().to_owned());
        if field.name != "__typename" {
            match SCHEMA.get(kind).and_then(|told| told.fields.get(&field.name)) {
                None => {
                    let mut fault = GraphqlError::undefined(&field.name, kind, field.at);
                    fault.path.clone_from(path);
                    self.faults.push(fault);
                }
                Some(member) => {
                    self.arguments(field, &member.args, path);
                    self.leaf_or_not(field, &member.kind, path);
                }
            }
        }
        path.pop();
    }

    fn leaf_or_not(&mut self, field: &'d Field, kind: &str, path: &mut Vec<String>) {
        let name = bare(kind);
        let is_leaf = is_plain(name)
            || SCHEMA.get(name).is_some_and(|told| matches!(told.kind, TypeKind::Scalar | TypeKind::Enum));
        let node = format!("field '{}'", field.name);
        let extensions = json!({ "code": "selectionMismatch", "nodeName": node, "typeName": kind });
        match (is_leaf, field.selection.is_empty()) {
            (true, false) => {
                let message = format!(
                    "Selections can't be made on scalars (field '{}' returns {name} but has selections)",
                    field.name
                );
                self.fault(message, extensions, field.at, path);
            }
            (false, true) => {
                let message = format!(
                    "Field must have selections (field '{0}' returns {name} but has no selections. Did you mean '{0} {{ ... }}'?)",
                    field.name
                );
                self.fault(message, extensions, field.at, path);
            }
            (false, false) => self.selection(&field.selection, name, path),
            (true, true) => {}
        }
    }

    fn arguments(
        &mut self,
        field: &'d Field,
        known: &std::collections::BTreeMap<String, Argument>,
        path: &mut Vec<String>,
    ) {
        let name = &field.name;
        for (argument, literal) in &field.arguments {
            let Some(told) = known.get(argument) else {
                let message = format!("Field '{name}' doesn't accept argument '{argument}'");
                let extensions = json!({ "code": "argumentNotAccepted", "name": name, "typeName": "Field", "argumentName": argument });
                path.push(argument.clone());
                self.fault(message, extensions, field.at, path);
                path.pop();
                continue;
            };
            path.push(argument.clone());
            self.note_use(literal, &told.kind, (argument, name), path);
            path.pop();
        }
        let missing: Vec<&str> = known
            .iter()
            .filter(|(name, argument)| {
                argument.is_required() && !field.arguments.iter().any(|(given, _)| given == *name)
            })
            .map(|(name, _)| name.as_str())
            .collect();
        if !missing.is_empty() {
            let message = format!("Field '{name}' is missing required arguments: {}", missing.join(", "));
            let extensions = json!({ "code": "missingRequiredArguments", "className": "Field", "name": name, "arguments": missing.join(", ") });
            self.fault(message, extensions, field.at, path);
        }
    }

    /// Checks the value of an argument: a variable by its declared type, anything else by its value.
    fn note_use(&mut self, literal: &'d Literal, kind: &str, (argument, field): (&str, &str), path: &[String]) {
        match literal {
            Literal::Variable(name) => {
                self.used.insert(name.clone());
                let at = self.operation.at;
                let Some(definition) = self.operation.variables.iter().find(|all| all.name == *name) else {
                    let by = self.operation.name.clone().unwrap_or_else(|| "anonymous query".to_owned());
                    let message = format!("Variable ${name} is used by {by} but not declared");
                    self.fault(message, json!({ "code": "variableNotDefined", "variableName": name }), at, path);
                    return;
                };
                let declared = if definition.default.is_some() {
                    format!("{}!", definition.kind.trim_end_matches('!'))
                } else {
                    definition.kind.clone()
                };
                if !may_stand_for(&declared, kind) {
                    let message = format!(
                        "Type mismatch on variable ${name} and argument {argument} ({} / {kind})",
                        definition.kind
                    );
                    let extensions = json!({ "code": "variableMismatch", "variableName": name, "typeName": definition.kind, "argumentName": argument, "errorMessage": "Type mismatch" });
                    self.fault(message, extensions, definition.at, path);
                }
            }
            Literal::Object(members) => {
                let inputs = SCHEMA.get(bare(kind)).map(|told| &told.inputs);
                for (name, value) in members {
                    if let Some(told) = inputs.and_then(|inputs| inputs.get(name)) {
                        self.note_use(value, &told.kind, (name, bare(kind)), path);
                        continue;
                    }
                    let kind = bare(kind);
                    let message = format!("InputObject '{kind}' doesn't accept argument '{name}'");
                    let extensions = json!({
                        "code": "argumentNotAccepted", "name": kind, "typeName": "InputObject", "argumentName": name,
                    });
                    self.fault(message, extensions, self.operation.at, path);
                }
                let missing: Vec<&str> = inputs
                    .into_iter()
                    .flatten()
                    .filter(|(name, told)| told.is_required() && !members.iter().any(|(given, _)| given == *name))
                    .map(|(name, _)| name.as_str())
                    .collect();
                for name in missing {
                    let message = format!(
                        "Argument '{name}' on InputObject '{}' is required. Expected type {}",
                        bare(kind),
                        inputs.map_or("", |inputs| inputs[name].kind.as_str())
                    );
                    let extensions = json!({ "code": "missingRequiredInputObjectAttribute", "argumentName": name, "inputObjectType": bare(kind) });
                    self.fault(message, extensions, self.operation.at, path);
                }
            }
            Literal::List(items) => {
                for item in items {
                    self.note_use(item, items_of(kind).unwrap_or(kind), (argument, field), path);
                }
            }
            Literal::Plain(_) | Literal::Enum(_) => {
                let value = literal.value(&Map::new());
                let is_enum = SCHEMA.get(bare(kind)).is_some_and(|told| told.kind == TypeKind::Enum);
                let as_written = value.is_null() || is_enum == matches!(literal, Literal::Enum(_));
                if !as_written || fits(&value, kind).is_err() {
                    let shown = if let Literal::Enum(word) = literal { word.clone() } else { value.to_string() };
                    let message = format!(
                        "Argument '{argument}' on Field '{field}' has an invalid value ({shown}). Expected type '{kind}'."
                    );
                    let extensions = json!({ "code": "argumentLiteralsIncompatible", "typeName": "Field", "argumentName": argument });
                    self.fault(message, extensions, self.operation.at, path);
                }
            }
        }
    }
}

/// Whether a variable of one type may be used for another. A non-null type may be used for a nullable one.
fn may_stand_for(declared: &str, wanted: &str) -> bool {
    match (declared.strip_suffix('!'), wanted.strip_suffix('!')) {
        (Some(declared), Some(wanted)) => may_stand_for(declared, wanted),
        (Some(declared), None) => may_stand_for(declared, wanted),
        (None, Some(_)) => false,
        (None, None) => match (items_of(declared), items_of(wanted)) {
            (Some(declared), Some(wanted)) => may_stand_for(declared, wanted),
            (None, Some(wanted)) => may_stand_for(declared, wanted.trim_end_matches('!')),
            (Some(_), None) => false,
            (None, None) => declared == wanted,
        },
    }
}
