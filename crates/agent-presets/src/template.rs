//! Templates: text with the names of a few values in braces.

/// The names that a template may use.
pub(crate) const NAMES: [&str; 8] =
    ["base_url", "key", "model", "max_output", "home", "session", "schema", "schema_file"];

/// The values for the names. A name that is missing here stays as it stands.
pub(crate) type Values<'a> = [(&'a str, &'a str)];

/// Replaces each name by its value.
pub(crate) fn fill(template: &str, values: &Values<'_>) -> String {
    replace(template, |name| values.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()))
}

/// The same inside of a text of JSON or TOML, which both read these escapes.
pub(crate) fn fill_quoted(template: &str, values: &Values<'_>) -> String {
    replace(template, |name| {
        let (_, value) = values.iter().find(|(known, _)| *known == name)?;
        let quoted = serde_json::Value::from(*value).to_string();
        Some(quoted[1..quoted.len() - 1].to_owned())
    })
}

/// The names in a template, also unknown ones: lower-case letters and `_` in braces.
pub(crate) fn names(template: &str) -> Vec<&str> {
    let mut rest = template;
    let mut names = Vec::new();
    while let Some((name, after)) = next(rest) {
        names.push(name);
        rest = after;
    }
    names
}

/// The next name, and what follows it.
fn next(text: &str) -> Option<(&str, &str)> {
    let mut rest = text;
    loop {
        let start = rest.find('{')? + 1;
        rest = &rest[start..];
        let end = rest.find(|c: char| !c.is_ascii_lowercase() && c != '_')?;
        if end > 0 && rest[end..].starts_with('}') {
            return Some((&rest[..end], &rest[end + 1..]));
        }
    }
}

/// Values are not looked at again, so that a value cannot name another.
fn replace(template: &str, value: impl Fn(&str) -> Option<String>) -> String {
    let mut filled = String::new();
    let mut rest = template;
    while let Some((name, after)) = next(rest) {
        let before = rest.len() - after.len() - name.len() - 2;
        filled.push_str(&rest[..before]);
        filled.push_str(&value(name).unwrap_or_else(|| format!("{{{name}}}")));
        rest = after;
    }
    filled + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_names_are_replaced_once() {
        let values = [("key", "{model}"), ("model", "a\"b")];
        assert_eq!(
            fill(r#"{"k":"{key}","e":"{env:X}","m":{model}} {other}{"#, &values),
            r#"{"k":"{model}","e":"{env:X}","m":a"b} {other}{"#
        );
        assert_eq!(fill_quoted(r#"m = "{model}""#, &values), r#"m = "a\"b""#);
        assert_eq!(names("{a}{b_c} {D} {} {{e}}"), ["a", "b_c", "e"]);
    }
}
