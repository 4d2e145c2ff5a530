//! A program and its arguments in one line of text.

/// Parses a JSON array of strings, or words as a shell splits them: at blanks, with `'…'`, `"…"` and `\`. Nothing is
/// expanded.
pub(super) fn command_line(line: &str) -> Result<Vec<String>, &'static str> {
    if line.trim_start().starts_with('[') {
        return match serde_json::from_str::<Vec<String>>(line) {
            Ok(words) if words.first().is_some_and(|word| !word.is_empty()) => Ok(words),
            Ok(_) => Err("is empty: give the program and its arguments"),
            Err(_) => Err("starts like a JSON array and is not one of strings: write [\"program\", \"argument\"]"),
        };
    }
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote: Option<char> = None;
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        match (quote, character) {
            (Some(open), _) if character == open => quote = None,
            (None, '\'' | '"') => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            (None | Some('"'), '\\') => {
                let next = characters.next().ok_or("ends with a backslash: write \\\\ for one")?;
                word.get_or_insert_default().push(next);
            }
            (None, blank) if blank.is_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(character),
        }
    }
    if quote.is_some() {
        return Err("has a quote that is not closed");
    }
    words.extend(word);
    if words.first().is_none_or(String::is_empty) {
        return Err("is empty: give the program and its arguments");
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_split_as_a_shell_would() {
        let split = |line| command_line(line).unwrap();
        assert_eq!(split("agent --model best"), ["agent", "--model", "best"]);
        assert_eq!(split(r#"agent 'a b' "c \" d" e\ f ''"#), ["agent", "a b", "c \" d", "e f", ""]);
        assert_eq!(split(r#"["agent", "a b"]"#), ["agent", "a b"]);
        assert_eq!(split("agent $HOME"), ["agent", "$HOME"]);
    }

    #[test]
    fn a_command_that_cannot_be_split_is_refused() {
        for line in ["", "  ", "agent 'open", "agent \\", "[1]", "[]", "[\"\"]", "''"] {
            assert!(command_line(line).is_err(), "{line:?}");
        }
    }
}
