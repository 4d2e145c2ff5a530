//! Form fields with labels. After a refusal they keep what was typed.

use maud::{Markup, html};

use super::session::Viewer;

/// A form of a page: its id, its target, and its hidden fields.
#[derive(Debug, Clone, Copy)]
pub(super) struct Form<'a> {
    viewer: &'a Viewer,
    id: &'a str,
    action: &'a str,
    hidden: &'a [(&'a str, &'a str)],
    class: &'static str,
}

impl<'a> Form<'a> {
    /// A form whose id is unique on the page.
    pub(super) fn new(viewer: &'a Viewer, id: &'a str, action: &'a str, hidden: &'a [(&'a str, &'a str)]) -> Self {
        Self { viewer, id, action, hidden, class: "form" }
    }

    /// The same, small enough for a line of text.
    pub(super) fn inline(self) -> Self {
        Self { class: "form inline", ..self }
    }

    /// The whole form around its fields.
    pub(super) fn around(&self, fields: &Markup) -> Markup {
        let refusal = self.viewer.refusal().filter(|refusal| refusal.form == self.id);
        html! {
            form class=(self.class) id=(self.id) method="post" action=(self.action) {
                input type="hidden" name="token" value=(self.viewer.token());
                input type="hidden" name="as" value=(self.viewer.login().unwrap_or_default());
                input type="hidden" name="back" value=(self.viewer.here());
                input type="hidden" name="form" value=(self.id);
                @for (name, value) in self.hidden { input type="hidden" name=(name) value=(value); }
                @if let Some(refusal) = refusal { p.refusal { (refusal.message) } }
                (fields)
            }
        }
    }

    /// A form that consists of one button.
    pub(super) fn button(&self, word: &str) -> Markup {
        self.around(&html! { button type="submit" { (word) } })
    }

    /// Whether this form was refused just now.
    pub(super) fn was_refused(&self) -> bool {
        self.viewer.refusal().is_some_and(|refusal| refusal.form == self.id)
    }

    fn typed(&self, name: &str) -> Option<&'a str> {
        self.viewer.refusal()?.typed(self.id, name)
    }

    fn field_id(&self, name: &str) -> String {
        format!("{}-{name}", self.id)
    }

    /// A field for one line.
    pub(super) fn line(&self, name: &str, label: &str, value: &str) -> Markup {
        let id = self.field_id(name);
        html! {
            label for=(id) { (label) }
            input type="text" id=(id) name=(name) value=(self.typed(name).unwrap_or(value));
        }
    }

    /// The same with an example as placeholder.
    pub(super) fn line_like(&self, name: &str, label: &str, value: &str, example: &str) -> Markup {
        let id = self.field_id(name);
        html! {
            label for=(id) { (label) }
            input type="text" id=(id) name=(name) value=(self.typed(name).unwrap_or(value)) placeholder=(example);
        }
    }

    /// A field for several lines.
    pub(super) fn text(&self, name: &str, label: &str, value: &str, rows: u8) -> Markup {
        self.text_like(name, label, value, (rows, ""))
    }

    /// The same with an example as placeholder.
    pub(super) fn text_like(&self, name: &str, label: &str, value: &str, (rows, example): (u8, &str)) -> Markup {
        let id = self.field_id(name);
        // A browser drops the first line break of a text area.
        html! {
            label for=(id) { (label) }
            textarea id=(id) name=(name) rows=(rows) placeholder=[(!example.is_empty()).then_some(example)] { "\n" (self.typed(name).unwrap_or(value)) }
        }
    }

    /// A choice among several values, each with its label.
    pub(super) fn choice<V: AsRef<str>, W: AsRef<str>>(
        &self,
        name: &str,
        label: &str,
        options: &[(V, W)],
        chosen: &str,
    ) -> Markup {
        let id = self.field_id(name);
        let chosen = self.typed(name).unwrap_or(chosen);
        html! {
            label for=(id) { (label) }
            select id=(id) name=(name) {
                @for (value, words) in options {
                    option value=(value.as_ref()) selected[value.as_ref() == chosen] { (words.as_ref()) }
                }
            }
        }
    }

    /// Radio buttons for several values. `chosen` may be none of them.
    pub(super) fn radios(&self, name: &str, legend: &str, options: &[(&str, &str)], chosen: &str) -> Markup {
        let chosen = self.typed(name).unwrap_or(chosen);
        html! {
            fieldset {
                legend { (legend) }
                @for (at, (value, words)) in options.iter().enumerate() {
                    @let id = self.field_id(&format!("{name}-{at}"));
                    span.tick {
                        input type="radio" id=(id) name=(name) value=(value) checked[*value == chosen];
                        label for=(id) { (words) }
                    }
                }
            }
        }
    }

    /// A check box with any label. `place` distinguishes it from others of the same name.
    pub(super) fn tick(&self, (name, place): (&str, usize), value: &str, label: &Markup, ticked: bool) -> Markup {
        let id = self.field_id(&format!("{name}-{place}"));
        html! {
            span.tick {
                input type="checkbox" id=(id) name=(name) value=(value) checked[ticked];
                label for=(id) { (label) }
            }
        }
    }
}
