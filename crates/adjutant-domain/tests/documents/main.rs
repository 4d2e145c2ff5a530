//! Parts of `docs/` are made from the code; here they are compared with it.
//!
//! What is made stands between two markers; the text around it is written by hand. Run these tests with
//! `ADJUTANT_WRITE_DOCS=1` to write it.

use std::path::Path;

mod events;
mod states;

/// The document with `text` between the markers of `name`.
fn with_part(document: &str, name: &str, text: &str) -> String {
    let (begin, end) = (format!("<!-- generated: {name} -->\n"), "<!-- end of generated -->");
    let start = document.find(&begin).unwrap_or_else(|| panic!("there is no marker `{begin}`")) + begin.len();
    let length = document[start..].find(end).unwrap_or_else(|| panic!("the part `{name}` has no end marker"));
    format!("{}{text}{}", &document[..start], &document[start + length..])
}

/// Compares the parts of a document in `docs/` with the code, or writes them.
fn hold(document: &str, parts: &[(&str, String)]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(document);
    let committed = std::fs::read_to_string(&path).expect("the document is there");
    let generated = parts.iter().fold(committed.clone(), |text, (name, part)| with_part(&text, name, part));
    if std::env::var_os("ADJUTANT_WRITE_DOCS").is_some() {
        std::fs::write(&path, generated).expect("docs/ can be written");
        return;
    }
    assert!(
        committed == generated,
        "docs/{document} is not what the code says. Write it with \
         `ADJUTANT_WRITE_DOCS=1 cargo test -p adjutant-domain --test documents` and commit it."
    );
}
