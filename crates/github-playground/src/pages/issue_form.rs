//! A repository's issue forms. They are read from `.github/ISSUE_TEMPLATE`, and the answers become the issue's text.
//!
//! <https://docs.github.com/en/communities/using-templates-to-encourage-useful-issues-and-pull-requests/syntax-for-githubs-form-schema>

use serde::Deserialize;
use serde_json::Value;

use super::plan::Fields;

/// GitHub's text for a question without an answer.
const NO_RESPONSE: &str = "_No response_";

/// A larger file is ignored.
const MAX_BYTES: usize = 64 * 1024;

/// The contents of a form's file.
#[derive(Debug, Deserialize)]
pub(super) struct IssueForm {
    pub(super) name: String,
    #[serde(default)]
    pub(super) description: String,
    #[serde(default)]
    pub(super) title: String,
    #[serde(default)]
    labels: Names,
    #[serde(default)]
    assignees: Names,
    pub(super) body: Vec<Element>,
}

/// A list, or its members separated by commas.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Names {
    Many(Vec<String>),
    One(String),
}

impl Default for Names {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

impl Names {
    fn list(&self) -> Vec<&str> {
        match self {
            Self::Many(names) => names.iter().map(String::as_str).collect(),
            Self::One(names) => names.split(',').map(str::trim).filter(|name| !name.is_empty()).collect(),
        }
    }
}

/// One element of a form.
#[derive(Debug, Deserialize)]
pub(super) struct Element {
    #[serde(rename = "type")]
    pub(super) kind: ElementKind,
    #[serde(default)]
    pub(super) attributes: Attributes,
    #[serde(default)]
    validations: Validations,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum ElementKind {
    Markdown,
    Textarea,
    Input,
    Dropdown,
    Checkboxes,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Attributes {
    #[serde(default)]
    pub(super) label: String,
    #[serde(default)]
    pub(super) description: String,
    #[serde(default)]
    pub(super) placeholder: String,
    /// A field's initial value, or the text of a `markdown` element.
    #[serde(default)]
    pub(super) value: String,
    #[serde(default)]
    render: String,
    #[serde(default)]
    pub(super) multiple: bool,
    /// The index of the initially chosen option.
    pub(super) default: Option<usize>,
    #[serde(default)]
    options: Vec<Value>,
}

#[derive(Debug, Default, Deserialize)]
struct Validations {
    #[serde(default)]
    required: bool,
}

impl IssueForm {
    /// Reads a file; `None` if it is not a form.
    pub(super) fn read(text: &str) -> Option<Self> {
        let form: Self = (text.len() <= MAX_BYTES).then(|| serde_saphyr::from_str(text).ok())??;
        (!form.name.trim().is_empty() && !form.body.is_empty()).then_some(form)
    }

    pub(super) fn labels(&self) -> Vec<&str> {
        self.labels.list()
    }

    pub(super) fn assignees(&self) -> Vec<&str> {
        self.assignees.list()
    }

    /// The text of an issue with these answers, or the required question that has no answer.
    pub(super) fn text(&self, fields: &Fields) -> Result<String, String> {
        let mut parts = Vec::new();
        for (at, element) in self.body.iter().enumerate().filter(|(_, element)| element.kind != ElementKind::Markdown) {
            let label = &element.attributes.label;
            let answer = element.answer(at, fields).map_err(|what| format!("{label}: {what}"))?;
            parts.push(format!("### {label}\n\n{answer}"));
        }
        Ok(parts.join("\n\n"))
    }
}

impl Element {
    /// The name of the element's field in the page's form.
    pub(super) fn field(at: usize) -> String {
        format!("answer-{at}")
    }

    pub(super) fn is_required(&self) -> bool {
        self.validations.required
    }

    /// The options' labels, and whether each has to be ticked.
    pub(super) fn options(&self) -> Vec<(String, bool)> {
        let word = |option: &Value| match option {
            Value::String(word) => word.clone(),
            Value::Object(option) => option.get("label").and_then(Value::as_str).unwrap_or_default().to_owned(),
            other => other.to_string(),
        };
        let required = |option: &Value| option["required"] == Value::Bool(true);
        self.attributes.options.iter().map(|option| (word(option), required(option))).collect()
    }

    fn answer(&self, at: usize, fields: &Fields) -> Result<String, &'static str> {
        let name = Self::field(at);
        let given: Vec<&str> = fields.all(&name).map(str::trim).filter(|answer| !answer.is_empty()).collect();
        let options = self.options();
        if self.kind == ElementKind::Checkboxes {
            let ticked = |place: usize| given.contains(&place.to_string().as_str());
            if options.iter().enumerate().any(|(place, (_, required))| *required && !ticked(place)) {
                return Err("a box that has to be ticked is not");
            }
            let line = |(place, (word, _)): (usize, &(String, bool))| {
                format!("- [{}] {word}", if ticked(place) { "X" } else { " " })
            };
            return Ok(options.iter().enumerate().map(line).collect::<Vec<_>>().join("\n"));
        }
        if given.is_empty() {
            return if self.is_required() { Err("it has to be answered") } else { Ok(NO_RESPONSE.to_owned()) };
        }
        if self.kind == ElementKind::Dropdown {
            let known = |answer: &&str| options.iter().any(|(word, _)| word == answer);
            let many = self.attributes.multiple || given.len() == 1;
            return if many && given.iter().all(known) { Ok(given.join(", ")) } else { Err("that is no option") };
        }
        let text = given[0].replace("\r\n", "\n");
        let render = &self.attributes.render;
        Ok(if render.is_empty() { text } else { format!("```{render}\n{text}\n```") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORM: &str = "name: Bug\ndescription: Something is wrong\ntitle: '[Bug] '\nlabels: bug, triage\nbody:\n\
        - type: markdown\n  attributes: { value: Thanks! }\n\
        - type: textarea\n  id: what\n  attributes: { label: What happened? }\n  validations: { required: true }\n\
        - type: input\n  attributes: { label: Contact }\n\
        - type: dropdown\n  attributes: { label: Version, multiple: true, options: ['1.0', '2.0'] }\n\
        - type: checkboxes\n  attributes: { label: Terms, options: [{ label: I agree, required: true }, { label: News }] }\n\
        - type: textarea\n  attributes: { label: Log, render: shell }\n";

    fn fields(pairs: &[(&str, &str)]) -> Fields {
        Fields(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn the_answers_become_the_text_that_github_makes_of_them() {
        let form = IssueForm::read(FORM).unwrap();
        assert_eq!((form.labels(), form.title.as_str()), (vec!["bug", "triage"], "[Bug] "));
        let given = [
            ("answer-1", "It\r\nbroke "),
            ("answer-3", "1.0"),
            ("answer-3", "2.0"),
            ("answer-4", "0"),
            ("answer-5", "$ make"),
        ];
        assert_eq!(
            form.text(&fields(&given)).unwrap(),
            "### What happened?\n\nIt\nbroke\n\n### Contact\n\n_No response_\n\n### Version\n\n1.0, 2.0\n\n\
             ### Terms\n\n- [X] I agree\n- [ ] News\n\n### Log\n\n```shell\n$ make\n```"
        );
    }

    #[test]
    fn a_missing_required_answer_is_named() {
        let form = IssueForm::read(FORM).unwrap();
        assert_eq!(form.text(&fields(&[("answer-4", "0")])).unwrap_err(), "What happened?: it has to be answered");
        let unticked = form.text(&fields(&[("answer-1", "x"), ("answer-4", "1")])).unwrap_err();
        assert_eq!(unticked, "Terms: a box that has to be ticked is not");
        let foreign = form.text(&fields(&[("answer-1", "x"), ("answer-4", "0"), ("answer-3", "9")])).unwrap_err();
        assert_eq!(foreign, "Version: that is no option");
    }

    #[test]
    fn a_file_that_is_no_form_is_none() {
        for text in ["", "name: x", "blank_issues_enabled: false", "name: [", "name: x\nbody: []", &"x".repeat(70_000)]
        {
            assert!(IssueForm::read(text).is_none(), "{}", &text[..text.len().min(40)]);
        }
    }
}
