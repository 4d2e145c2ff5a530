//! The tokens of a request: <https://spec.graphql.org/October2021/#sec-Language.Source-Text>.

use super::{GraphqlError, parse::Position};

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    Mark(char),
    Spread,
    Name(String),
    Number(String),
    Text(String),
}

/// Splits a text into tokens, each with its position.
pub(super) fn tokens(text: &str) -> Result<Vec<(Token, Position)>, GraphqlError> {
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
            '"' => Token::Text(lexer.text().ok_or_else(|| GraphqlError::of_request("Unterminated string", Some(at)))?),
            '.' => {
                let dots = lexer.while_true(|c| c == '.');
                if dots != "..." {
                    return Err(GraphqlError::of_request(
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
                return Err(GraphqlError::of_request(
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

    /// A string with JSON's escapes, or a block string without escapes.
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
