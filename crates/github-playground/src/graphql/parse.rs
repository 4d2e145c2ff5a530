//! Parses the part of GraphQL's grammar that clients use: <https://spec.graphql.org/October2021/#sec-Document>.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::{
    GraphqlError,
    lex::{Token, tokens},
};

/// A parsed request.
#[derive(Debug)]
pub(super) struct Document {
    operations: Vec<Operation>,
    pub(super) fragments: HashMap<String, Fragment>,
}

/// A named part of a selection.
#[derive(Debug)]
pub(super) struct Fragment {
    pub(super) on: String,
    pub(super) selection: Vec<FieldSelection>,
    pub(super) at: Position,
}

/// A query or a mutation.
#[derive(Debug)]
pub(super) struct Operation {
    pub(super) name: Option<String>,
    pub(super) is_mutation: bool,
    pub(super) variables: Vec<Definition>,
    pub(super) selection: Vec<FieldSelection>,
    pub(super) at: Position,
}

impl Operation {
    /// Its name in GitHub's errors: `query`, or `mutation Name`.
    pub(super) fn title(&self) -> String {
        let kind = if self.is_mutation { "mutation" } else { "query" };
        self.name.as_ref().map_or_else(|| kind.to_owned(), |name| format!("{kind} {name}"))
    }
}

/// A variable that an operation declares, with its type as written: `[ID!]!`.
#[derive(Debug)]
pub(super) struct Definition {
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) default: Option<Literal>,
    pub(super) at: Position,
}

/// `@include(if: $x)`.
#[derive(Debug)]
pub(super) struct Directive {
    pub(super) name: String,
    pub(super) arguments: Vec<(String, Literal)>,
}

/// A requested field.
#[derive(Debug)]
pub(super) struct Field {
    alias: Option<String>,
    pub(super) name: String,
    pub(super) arguments: Vec<(String, Literal)>,
    pub(super) directives: Vec<Directive>,
    pub(super) selection: Vec<FieldSelection>,
    pub(super) at: Position,
}

impl Field {
    /// The field's name in the answer.
    pub(super) fn key(&self) -> &str {
        self.alias.as_deref().unwrap_or(&self.name)
    }

    /// An argument with its variables replaced; null if it is missing.
    pub(super) fn argument(&self, name: &str, variables: &Map<String, Value>) -> Value {
        let found = self.arguments.iter().find(|(argument, _)| argument == name);
        found.map_or(Value::Null, |(_, literal)| literal.value(variables))
    }
}

/// A part of an object's selection.
#[derive(Debug)]
pub(super) enum FieldSelection {
    Field(Field),
    /// `... on Type { }`. Without a type it always applies.
    Inline {
        on: Option<String>,
        directives: Vec<Directive>,
        selection: Vec<FieldSelection>,
        at: Position,
    },
    /// `...Name`.
    Spread {
        name: String,
        directives: Vec<Directive>,
        at: Position,
    },
}

impl FieldSelection {
    /// Whether `@include` and `@skip` keep it.
    pub(super) fn is_wanted(&self, variables: &Map<String, Value>) -> bool {
        let directives = match self {
            Self::Field(field) => &field.directives,
            Self::Inline { directives, .. } | Self::Spread { directives, .. } => directives,
        };
        directives.iter().all(|directive| {
            let condition = directive.arguments.iter().find(|(name, _)| name == "if");
            let condition = condition.is_some_and(|(_, value)| value.value(variables) == Value::Bool(true));
            condition == (directive.name != "skip")
        })
    }
}

/// A value as written.
#[derive(Debug)]
pub(super) enum Literal {
    Variable(String),
    /// A name without quotes.
    Enum(String),
    Plain(Value),
    List(Vec<Literal>),
    Object(Vec<(String, Literal)>),
}

impl Literal {
    pub(super) fn value(&self, variables: &Map<String, Value>) -> Value {
        match self {
            Self::Enum(word) => Value::String(word.clone()),
            Self::Variable(name) => variables.get(name).cloned().unwrap_or(Value::Null),
            Self::Plain(value) => value.clone(),
            Self::List(items) => items.iter().map(|item| item.value(variables)).collect(),
            Self::Object(members) => {
                Value::Object(members.iter().map(|(name, value)| (name.clone(), value.value(variables))).collect())
            }
        }
    }
}

/// A position in the text, counted from one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) line: usize,
    pub(super) column: usize,
}

/// The deepest nesting: deeper than any client needs, and small enough for the stack.
const DEPTH: usize = 64;

impl Document {
    /// Parses a text. The error has the position.
    pub(super) fn parse(text: &str) -> Result<Self, GraphqlError> {
        let mut parser = Parser { tokens: tokens(text)?, next: 0, depth: 0 };
        let mut document = Self { operations: Vec::new(), fragments: HashMap::new() };
        while let Some(token) = parser.peek().cloned() {
            let at = parser.position();
            match token {
                Token::Mark('{') => {
                    let selection = parser.selection()?;
                    let operation = Operation { name: None, is_mutation: false, variables: Vec::new(), selection, at };
                    document.operations.push(operation);
                }
                Token::Name(word) if word == "fragment" => {
                    parser.next += 1;
                    let name = parser.name()?;
                    parser.name()?; // on
                    let on = parser.name()?;
                    parser.directives()?;
                    let selection = parser.selection()?;
                    document.fragments.insert(name, Fragment { on, selection, at });
                }
                Token::Name(word) if word == "query" || word == "mutation" => {
                    parser.next += 1;
                    let name = matches!(parser.peek(), Some(Token::Name(_))).then(|| parser.name()).transpose()?;
                    let variables = parser.definitions()?;
                    parser.directives()?;
                    let selection = parser.selection()?;
                    let is_mutation = word == "mutation";
                    document.operations.push(Operation { name, is_mutation, variables, selection, at });
                }
                _ => return Err(parser.unexpected()),
            }
        }
        Ok(document)
    }

    /// The operation to execute: the named one, or the only one.
    pub(super) fn operation(&self, name: Option<&str>) -> Result<&Operation, GraphqlError> {
        match name {
            Some(name) => self.operations.iter().find(|operation| operation.name.as_deref() == Some(name)),
            None if self.operations.len() == 1 => self.operations.first(),
            None => None,
        }
        .ok_or_else(|| match self.operations.len() {
            0 => GraphqlError::of_request("A query attribute must be specified and must be a string.", None),
            _ => GraphqlError::of_request("An operation name is required", None),
        })
    }
}

struct Parser {
    tokens: Vec<(Token, Position)>,
    next: usize,
    depth: usize,
}

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.next).map(|(token, _)| token)
    }

    fn position(&self) -> Position {
        self.tokens.get(self.next).or(self.tokens.last()).map_or(Position { line: 1, column: 1 }, |(_, at)| *at)
    }

    fn unexpected(&self) -> GraphqlError {
        let at = self.position();
        let shown = match self.peek() {
            None => return GraphqlError::of_request("Unexpected end of document", Some(at)),
            Some(Token::Mark(mark)) => mark.to_string(),
            Some(Token::Spread) => "...".to_owned(),
            Some(Token::Name(text) | Token::Number(text) | Token::Text(text)) => text.clone(),
        };
        GraphqlError::of_request(format!("Parse error on \"{shown}\" at [{}, {}]", at.line, at.column), Some(at))
    }

    fn take(&mut self, mark: char) -> bool {
        let here = self.peek() == Some(&Token::Mark(mark));
        self.next += usize::from(here);
        here
    }

    fn expect(&mut self, mark: char) -> Result<(), GraphqlError> {
        if self.take(mark) { Ok(()) } else { Err(self.unexpected()) }
    }

    fn name(&mut self) -> Result<String, GraphqlError> {
        match self.peek().cloned() {
            Some(Token::Name(name)) => {
                self.next += 1;
                Ok(name)
            }
            _ => Err(self.unexpected()),
        }
    }

    fn deeper(&mut self) -> Result<(), GraphqlError> {
        self.depth += 1;
        if self.depth > DEPTH {
            Err(GraphqlError::of_request("The query is nested too deeply", Some(self.position())))
        } else {
            Ok(())
        }
    }

    fn selection(&mut self) -> Result<Vec<FieldSelection>, GraphqlError> {
        self.deeper()?;
        self.expect('{')?;
        let mut all = Vec::new();
        while !self.take('}') {
            all.push(if self.peek() == Some(&Token::Spread) {
                self.spread()?
            } else {
                FieldSelection::Field(self.field()?)
            });
        }
        self.depth -= 1;
        Ok(all)
    }

    fn spread(&mut self) -> Result<FieldSelection, GraphqlError> {
        let at = self.position();
        self.next += 1;
        let on = match self.peek().cloned() {
            Some(Token::Name(word)) if word == "on" => {
                self.next += 1;
                Some(self.name()?)
            }
            Some(Token::Name(name)) => {
                self.next += 1;
                return Ok(FieldSelection::Spread { name, directives: self.directives()?, at });
            }
            _ => None,
        };
        let directives = self.directives()?;
        Ok(FieldSelection::Inline { on, directives, selection: self.selection()?, at })
    }

    fn field(&mut self) -> Result<Field, GraphqlError> {
        let at = self.position();
        let first = self.name()?;
        let (alias, name) = if self.take(':') { (Some(first), self.name()?) } else { (None, first) };
        let arguments = if self.take('(') { self.members(')')? } else { Vec::new() };
        let directives = self.directives()?;
        let selection = if self.peek() == Some(&Token::Mark('{')) { self.selection()? } else { Vec::new() };
        Ok(Field { alias, name, arguments, directives, selection, at })
    }

    fn members(&mut self, end: char) -> Result<Vec<(String, Literal)>, GraphqlError> {
        let mut all = Vec::new();
        while !self.take(end) {
            let name = self.name()?;
            self.expect(':')?;
            all.push((name, self.literal()?));
        }
        Ok(all)
    }

    fn literal(&mut self) -> Result<Literal, GraphqlError> {
        if self.take('$') {
            return Ok(Literal::Variable(self.name()?));
        }
        if self.take('{') {
            self.deeper()?;
            let members = self.members('}')?;
            self.depth -= 1;
            return Ok(Literal::Object(members));
        }
        if self.take('[') {
            self.deeper()?;
            let mut items = Vec::new();
            while !self.take(']') {
                items.push(self.literal()?);
            }
            self.depth -= 1;
            return Ok(Literal::List(items));
        }
        let value = match self.peek() {
            Some(Token::Name(word)) => match word.as_str() {
                "true" => Value::Bool(true),
                "false" => Value::Bool(false),
                "null" => Value::Null,
                word => {
                    let word = word.to_owned();
                    self.next += 1;
                    return Ok(Literal::Enum(word));
                }
            },
            Some(Token::Text(text)) => Value::String(text.clone()),
            Some(Token::Number(number)) => serde_json::from_str(number).map_err(|_| self.unexpected())?,
            _ => return Err(self.unexpected()),
        };
        self.next += 1;
        Ok(Literal::Plain(value))
    }

    fn definitions(&mut self) -> Result<Vec<Definition>, GraphqlError> {
        let mut all = Vec::new();
        if self.take('(') {
            while !self.take(')') {
                let at = self.position();
                self.expect('$')?;
                let name = self.name()?;
                self.expect(':')?;
                let kind = self.kind()?;
                let default = if self.take('=') { Some(self.literal()?) } else { None };
                self.directives()?;
                all.push(Definition { name, kind, default, at });
            }
        }
        Ok(all)
    }

    /// A type as written.
    fn kind(&mut self) -> Result<String, GraphqlError> {
        let mut kind = if self.take('[') {
            self.deeper()?;
            let inner = self.kind()?;
            self.depth -= 1;
            self.expect(']')?;
            format!("[{inner}]")
        } else {
            self.name()?
        };
        if self.take('!') {
            kind.push('!');
        }
        Ok(kind)
    }

    fn directives(&mut self) -> Result<Vec<Directive>, GraphqlError> {
        let mut all = Vec::new();
        while self.take('@') {
            let name = self.name()?;
            let arguments = if self.take('(') { self.members(')')? } else { Vec::new() };
            all.push(Directive { name, arguments });
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_mutation_with_a_variable_and_one_with_an_inline_argument_mean_the_same() {
        let variables = json!({ "id": "PR_1" });
        let variables = variables.as_object().unwrap();
        for text in [
            "mutation Ready($id: ID!) { done: markReady(input: {pullRequestId: $id}) { clientMutationId } }",
            "mutation {\n  # by hand\n  done: markReady(input: {pullRequestId: \"PR_1\",}) { clientMutationId }\n}",
        ] {
            let document = Document::parse(text).unwrap();
            let operation = document.operation(None).unwrap();
            let FieldSelection::Field(field) = &operation.selection[0] else { panic!() };
            assert!(operation.is_mutation);
            assert_eq!((field.key(), field.name.as_str()), ("done", "markReady"));
            assert_eq!(field.argument("input", variables), json!({ "pullRequestId": "PR_1" }));
        }
    }

    #[test]
    fn a_syntax_error_has_its_position() {
        let fault = Document::parse("{\n  viewer { login ").unwrap_err();
        assert_eq!(fault.message, "Unexpected end of document");
        let fault = Document::parse("{\n  ^ }").unwrap_err();
        assert_eq!(fault.at, Some(Position { line: 2, column: 3 }));
        assert!(Document::parse(&"{a".repeat(1000)).is_err());
        assert!(Document::parse("").unwrap().operation(None).is_err());
    }

    #[test]
    fn strings_keep_their_escapes_and_numbers_their_signs() {
        let document =
            Document::parse(r#"{ f(a: "x\n\"y\"", b: -1.5e2, c: [ENUM true], d: """block "text" """) }"#).unwrap();
        let FieldSelection::Field(field) = &document.operation(None).unwrap().selection[0] else { panic!() };
        let none = Map::new();
        assert_eq!(field.argument("a", &none), json!("x\n\"y\""));
        assert_eq!(field.argument("b", &none), json!(-150.0));
        assert_eq!(field.argument("c", &none), json!(["ENUM", true]));
        assert_eq!(field.argument("d", &none), json!("block \"text\""));
    }
}
