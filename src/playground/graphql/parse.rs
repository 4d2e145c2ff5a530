//! The grammar of a request, as far as clients write it: <https://spec.graphql.org/October2021/#sec-Document>.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::Fault;

/// A request's text, understood.
#[derive(Debug)]
pub(super) struct Document {
    operations: Vec<Operation>,
    pub(super) fragments: HashMap<String, Vec<Selection>>,
}

/// A query or a mutation.
#[derive(Debug)]
pub(super) struct Operation {
    name: Option<String>,
    pub(super) is_mutation: bool,
    pub(super) fields: Vec<Field>,
}

/// A field that is asked for.
#[derive(Debug)]
pub(super) struct Field {
    alias: Option<String>,
    pub(super) name: String,
    pub(super) arguments: Vec<(String, Literal)>,
    pub(super) selection: Vec<Selection>,
    pub(super) at: Position,
}

impl Field {
    /// The name that the answer has it under.
    pub(super) fn key(&self) -> &str {
        self.alias.as_deref().unwrap_or(&self.name)
    }

    /// An argument with its variables filled in; null where it is not given.
    pub(super) fn argument(&self, name: &str, variables: &Map<String, Value>) -> Value {
        let found = self.arguments.iter().find(|(argument, _)| argument == name);
        found.map_or(Value::Null, |(_, literal)| literal.value(variables))
    }
}

/// What is asked for of an object.
#[derive(Debug)]
pub(super) enum Selection {
    Field(Field),
    /// `... on Type { }`; without a type it applies to all.
    Inline(Option<String>, Vec<Selection>),
    /// `...Name`.
    Spread(String),
}

/// A value as written.
#[derive(Debug)]
pub(super) enum Literal {
    Variable(String),
    Plain(Value),
    List(Vec<Literal>),
    Object(Vec<(String, Literal)>),
}

impl Literal {
    fn value(&self, variables: &Map<String, Value>) -> Value {
        match self {
            Self::Variable(name) => variables.get(name).cloned().unwrap_or(Value::Null),
            Self::Plain(value) => value.clone(),
            Self::List(items) => items.iter().map(|item| item.value(variables)).collect(),
            Self::Object(members) => {
                Value::Object(members.iter().map(|(name, value)| (name.clone(), value.value(variables))).collect())
            }
        }
    }
}

/// Where in the text, counted from one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) line: usize,
    pub(super) column: usize,
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Mark(char),
    Spread,
    Name(String),
    Number(String),
    Text(String),
}

/// Deeper than any client nests, and shallow enough for the stack.
const DEPTH: usize = 64;

impl Document {
    /// Understands a text, or says where it could not.
    pub(super) fn parse(text: &str) -> Result<Self, Fault> {
        let mut parser = Parser { tokens: tokens(text)?, next: 0, depth: 0 };
        let mut document = Self { operations: Vec::new(), fragments: HashMap::new() };
        while let Some(token) = parser.peek().cloned() {
            match token {
                Token::Mark('{') => {
                    let fields = fields_of(parser.selection()?)?;
                    document.operations.push(Operation { name: None, is_mutation: false, fields });
                }
                Token::Name(word) if word == "fragment" => {
                    parser.next += 1;
                    let name = parser.name()?;
                    parser.name()?; // on
                    parser.name()?; // its type
                    parser.skip_directives()?;
                    let selection = parser.selection()?;
                    document.fragments.insert(name, selection);
                }
                Token::Name(word) if word == "query" || word == "mutation" => {
                    parser.next += 1;
                    let name = matches!(parser.peek(), Some(Token::Name(_))).then(|| parser.name()).transpose()?;
                    parser.skip_variable_definitions()?;
                    parser.skip_directives()?;
                    let fields = fields_of(parser.selection()?)?;
                    document.operations.push(Operation { name, is_mutation: word == "mutation", fields });
                }
                _ => return Err(parser.unexpected()),
            }
        }
        Ok(document)
    }

    /// The operation that is meant: the named one, or the only one.
    pub(super) fn operation(&self, name: Option<&str>) -> Result<&Operation, Fault> {
        match name {
            Some(name) => self.operations.iter().find(|operation| operation.name.as_deref() == Some(name)),
            None if self.operations.len() == 1 => self.operations.first(),
            None => None,
        }
        .ok_or_else(|| match self.operations.len() {
            0 => Fault::of_request("A query attribute must be specified and must be a string.", None),
            _ => Fault::of_request("An operation name is required", None),
        })
    }
}

/// The root takes fields only; GitHub's does too, for all that its clients send.
fn fields_of(selection: Vec<Selection>) -> Result<Vec<Field>, Fault> {
    selection
        .into_iter()
        .map(|selection| match selection {
            Selection::Field(field) => Ok(field),
            _ => Err(Fault::of_request("Fragments are not supported at the root of an operation", None)),
        })
        .collect()
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

    fn unexpected(&self) -> Fault {
        let at = self.position();
        let shown = match self.peek() {
            None => return Fault::of_request("Unexpected end of document", Some(at)),
            Some(Token::Mark(mark)) => mark.to_string(),
            Some(Token::Spread) => "...".to_owned(),
            Some(Token::Name(text) | Token::Number(text) | Token::Text(text)) => text.clone(),
        };
        Fault::of_request(format!("Parse error on \"{shown}\" at [{}, {}]", at.line, at.column), Some(at))
    }

    fn take(&mut self, mark: char) -> bool {
        let here = self.peek() == Some(&Token::Mark(mark));
        self.next += usize::from(here);
        here
    }

    fn expect(&mut self, mark: char) -> Result<(), Fault> {
        if self.take(mark) { Ok(()) } else { Err(self.unexpected()) }
    }

    fn name(&mut self) -> Result<String, Fault> {
        match self.peek().cloned() {
            Some(Token::Name(name)) => {
                self.next += 1;
                Ok(name)
            }
            _ => Err(self.unexpected()),
        }
    }

    fn deeper(&mut self) -> Result<(), Fault> {
        self.depth += 1;
        if self.depth > DEPTH {
            Err(Fault::of_request("The query is nested too deeply", Some(self.position())))
        } else {
            Ok(())
        }
    }

    fn selection(&mut self) -> Result<Vec<Selection>, Fault> {
        self.deeper()?;
        self.expect('{')?;
        let mut all = Vec::new();
        while !self.take('}') {
            all.push(if self.peek() == Some(&Token::Spread) {
                self.spread()?
            } else {
                Selection::Field(self.field()?)
            });
        }
        self.depth -= 1;
        Ok(all)
    }

    fn spread(&mut self) -> Result<Selection, Fault> {
        self.next += 1;
        let kind = match self.peek().cloned() {
            Some(Token::Name(word)) if word == "on" => {
                self.next += 1;
                Some(self.name()?)
            }
            Some(Token::Name(name)) => {
                self.next += 1;
                self.skip_directives()?;
                return Ok(Selection::Spread(name));
            }
            _ => None,
        };
        self.skip_directives()?;
        Ok(Selection::Inline(kind, self.selection()?))
    }

    fn field(&mut self) -> Result<Field, Fault> {
        let at = self.position();
        let first = self.name()?;
        let (alias, name) = if self.take(':') { (Some(first), self.name()?) } else { (None, first) };
        let arguments = if self.take('(') { self.members(')')? } else { Vec::new() };
        self.skip_directives()?;
        let selection = if self.peek() == Some(&Token::Mark('{')) { self.selection()? } else { Vec::new() };
        Ok(Field { alias, name, arguments, selection, at })
    }

    fn members(&mut self, end: char) -> Result<Vec<(String, Literal)>, Fault> {
        let mut all = Vec::new();
        while !self.take(end) {
            let name = self.name()?;
            self.expect(':')?;
            all.push((name, self.literal()?));
        }
        Ok(all)
    }

    fn literal(&mut self) -> Result<Literal, Fault> {
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
                word => Value::String(word.to_owned()),
            },
            Some(Token::Text(text)) => Value::String(text.clone()),
            Some(Token::Number(number)) => serde_json::from_str(number).map_err(|_| self.unexpected())?,
            _ => return Err(self.unexpected()),
        };
        self.next += 1;
        Ok(Literal::Plain(value))
    }

    /// The types of variables are not checked: what is wrong with a value shows where it is used.
    fn skip_variable_definitions(&mut self) -> Result<(), Fault> {
        if self.take('(') {
            while !self.take(')') {
                if self.peek().is_none() {
                    return Err(self.unexpected());
                }
                self.next += 1;
            }
        }
        Ok(())
    }

    fn skip_directives(&mut self) -> Result<(), Fault> {
        while self.take('@') {
            self.name()?;
            if self.take('(') {
                self.members(')')?;
            }
        }
        Ok(())
    }
}

fn tokens(text: &str) -> Result<Vec<(Token, Position)>, Fault> {
    let mut tokens = Vec::new();
    let mut lexer = Lexer { rest: text.chars().peekable(), at: Position { line: 1, column: 1 } };
    while let Some(&c) = lexer.rest.peek() {
        let at = lexer.at;
        let token = match c {
            '#' => {
                lexer.while_true(|c| c != '\n');
                continue;
            }
            c if c.is_whitespace() || c == ',' || c == '\u{feff}' => {
                lexer.bump();
                continue;
            }
            '"' => Token::Text(lexer.text().ok_or_else(|| Fault::of_request("Unterminated string", Some(at)))?),
            '.' => {
                let dots = lexer.while_true(|c| c == '.');
                if dots != "..." {
                    return Err(Fault::of_request(
                        format!("Parse error on \"{dots}\" at [{}, {}]", at.line, at.column),
                        Some(at),
                    ));
                }
                Token::Spread
            }
            c if c.is_ascii_alphabetic() || c == '_' => {
                Token::Name(lexer.while_true(|c| c.is_ascii_alphanumeric() || c == '_'))
            }
            c if c.is_ascii_digit() || c == '-' => {
                Token::Number(lexer.while_true(|c| c.is_ascii_digit() || "-+.eE".contains(c)))
            }
            c if "{}()[]:$!=@|&".contains(c) => {
                lexer.bump();
                Token::Mark(c)
            }
            c => {
                return Err(Fault::of_request(
                    format!("Parse error on \"{c}\" at [{}, {}]", at.line, at.column),
                    Some(at),
                ));
            }
        };
        tokens.push((token, at));
    }
    Ok(tokens)
}

struct Lexer<'t> {
    rest: std::iter::Peekable<std::str::Chars<'t>>,
    at: Position,
}

impl Lexer<'_> {
    fn bump(&mut self) -> Option<char> {
        let c = self.rest.next()?;
        if c == '\n' {
            self.at = Position { line: self.at.line + 1, column: 1 };
        } else {
            self.at.column += 1;
        }
        Some(c)
    }

    fn while_true(&mut self, wanted: impl Fn(char) -> bool) -> String {
        let mut taken = String::new();
        while let Some(c) = self.rest.peek().copied().filter(|c| wanted(*c)) {
            taken.push(c);
            self.bump();
        }
        taken
    }

    /// A string with its escapes, which are those of JSON; or a block string, taken as it is.
    fn text(&mut self) -> Option<String> {
        self.bump();
        let mut raw = String::from("\"");
        loop {
            match self.bump()? {
                '"' if raw == "\"" && self.rest.peek() == Some(&'"') => return self.block(),
                '"' => break,
                '\n' => return None,
                '\\' => {
                    raw.push('\\');
                    raw.push(self.bump()?);
                }
                c => raw.push(c),
            }
        }
        raw.push('"');
        serde_json::from_str(&raw).ok()
    }

    fn block(&mut self) -> Option<String> {
        self.bump();
        let mut text = String::new();
        while !text.ends_with("\"\"\"") {
            text.push(self.bump()?);
        }
        Some(text.trim_end_matches("\"\"\"").trim().to_owned())
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
            let field = &operation.fields[0];
            assert!(operation.is_mutation);
            assert_eq!((field.key(), field.name.as_str()), ("done", "markReady"));
            assert_eq!(field.argument("input", variables), json!({ "pullRequestId": "PR_1" }));
        }
    }

    #[test]
    fn what_is_not_graphql_is_said_with_its_place() {
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
        let field = &document.operation(None).unwrap().fields[0];
        let none = Map::new();
        assert_eq!(field.argument("a", &none), json!("x\n\"y\""));
        assert_eq!(field.argument("b", &none), json!(-150.0));
        assert_eq!(field.argument("c", &none), json!(["ENUM", true]));
        assert_eq!(field.argument("d", &none), json!("block \"text\""));
    }
}
