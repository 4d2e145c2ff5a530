//! The steps as a Mermaid graph, coloured by how they stand.
//!
//! <https://docs.github.com/en/get-started/writing-on-github/working-with-advanced-formatting/creating-diagrams>

use super::layout::layout;
use super::words;
use adjutant_domain::directive::Directive;
use adjutant_domain::status::StepStatus;
use adjutant_domain::step::Step;
use adjutant_domain::text::visible;

/// Larger graphs are not drawn by anybody's browser to any use.
const MAX_STEPS: usize = 60;

const CLASSES: &str = "  classDef todo fill:#f6f8fa,stroke:#8c959f,color:#1f2328
  classDef work fill:#ddf4ff,stroke:#0969da,color:#1f2328
  classDef wait fill:#fff8c5,stroke:#9a6700,color:#1f2328
  classDef done fill:#dafbe1,stroke:#1a7f37,color:#1f2328
  classDef fail fill:#ffebe9,stroke:#cf222e,color:#1f2328
  classDef skip fill:#f6f8fa,stroke:#d0d7de,color:#656d76,stroke-dasharray:4";

/// Steps that wait for one that a person has to see to.
const HELD: &str = "  classDef held fill:#f6f8fa,stroke:#9a6700,color:#1f2328,stroke-dasharray:4";

/// The graph in its fence; empty where there are no steps, or too many to draw.
pub fn mermaid(directive: &Directive) -> String {
    if directive.steps.is_empty() || directive.steps.len() > MAX_STEPS {
        return String::new();
    }
    let mut lines = vec!["```mermaid".to_owned(), "graph LR".to_owned()];
    // Mermaid draws what it reads first at the top of a layer.
    let places = layout(&directive.steps);
    let mut drawn: Vec<(usize, &Step)> = directive.steps.iter().enumerate().collect();
    drawn.sort_by_key(|(at, _)| places[*at]);
    for (at, step) in drawn {
        lines.push(format!("  s{at}[\"{}\"]:::{}", label(directive, step), class(directive, step)));
    }
    for (at, step) in directive.steps.iter().enumerate() {
        for before in &step.depends_on {
            if let Some(from) = directive.steps.iter().position(|other| other.name == *before) {
                lines.push(format!("  s{from} --> s{at}"));
            }
        }
    }
    if let Some(final_step) = &directive.final_step {
        lines.push(format!("  final([\"{}\"]):::{}", label(directive, final_step), class(directive, final_step)));
        let is_needed = |step: &Step| directive.steps.iter().any(|other| other.depends_on.contains(&step.name));
        for (at, _) in directive.steps.iter().enumerate().filter(|(_, step)| !is_needed(step)) {
            lines.push(format!("  s{at} --> final"));
        }
    }
    lines.push(CLASSES.to_owned());
    if directive.steps.iter().any(|step| directive.held_by(step).is_some()) {
        lines.push(HELD.to_owned());
    }
    lines.push("```".to_owned());
    lines.join("\n")
}

fn label(directive: &Directive, step: &Step) -> String {
    let name = if step.is_final() { "final" } else { step.name.as_str() };
    escape(&format!("{} {name}", words::icon(directive, step)))
}

/// Mermaid's entity codes, for what would end a label or be read as HTML or Markdown.
/// <https://mermaid.js.org/syntax/flowchart.html#entity-codes-to-escape-characters>
fn escape(label: &str) -> String {
    let mut escaped = String::new();
    for c in visible(label).chars().take(80) {
        match c {
            '"' => escaped.push_str("#quot;"),
            '<' => escaped.push_str("#lt;"),
            '>' => escaped.push_str("#gt;"),
            '#' | '&' | '`' | '\\' | '[' | ']' | '(' | ')' | '{' | '}' | '|' | ';' | '@' => {
                escaped.push('#');
                escaped.push_str(&u32::from(c).to_string());
                escaped.push(';');
            }
            c if c.is_whitespace() => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}

fn class(directive: &Directive, step: &Step) -> &'static str {
    match step.status() {
        StepStatus::Passed => "done",
        StepStatus::Skipped => "skip",
        _ if words::waiting_approval(directive, step).is_some() => "wait",
        StepStatus::Pending if directive.held_by(step).is_some() => "held",
        StepStatus::Pending => "todo",
        StepStatus::Ready | StepStatus::Running | StepStatus::Evaluating | StepStatus::Rework => "work",
        StepStatus::Blocked => "wait",
        StepStatus::Failed => "fail",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;
    use adjutant_domain::ids::StepName;

    #[test]
    fn the_graph_shows_dependencies_and_how_steps_stand() {
        insta::assert_snapshot!(mermaid(&fixture::directive()), @r#"
        ```mermaid
        graph LR
          s0["✅ parse"]:::done
          s1["✋ convert"]:::wait
          s2["🛠️ document"]:::work
          s3["⚪ prove"]:::todo
          s0 --> s1
          s0 --> s2
          s1 --> s3
          s2 --> s3
          classDef todo fill:#f6f8fa,stroke:#8c959f,color:#1f2328
          classDef work fill:#ddf4ff,stroke:#0969da,color:#1f2328
          classDef wait fill:#fff8c5,stroke:#9a6700,color:#1f2328
          classDef done fill:#dafbe1,stroke:#1a7f37,color:#1f2328
          classDef fail fill:#ffebe9,stroke:#cf222e,color:#1f2328
          classDef skip fill:#f6f8fa,stroke:#d0d7de,color:#656d76,stroke-dasharray:4
        ```
        "#);
    }

    #[test]
    fn a_step_that_waits_for_a_blocked_one_looks_so_and_layers_are_drawn_in_their_order() {
        let mut directive = fixture::directive();
        directive.steps[1].state = fixture::blocked("it is odd", None);
        directive.steps.rotate_right(1);
        let graph = mermaid(&directive);
        assert!(graph.contains("s0[\"⚪ prove\"]:::held") && graph.contains("classDef held"), "{graph}");
        let at = |name: &str| graph.find(name).unwrap();
        assert!(at("parse\"]") < at("convert\"]") && at("document\"]") < at("prove\"]"), "{graph}");
        assert_eq!(words::state(&directive, &directive.steps[0]), "waits for `convert`, which is blocked");
    }

    #[test]
    fn the_final_pull_request_follows_the_last_steps() {
        let graph = mermaid(&fixture::finishing());
        assert!(graph.contains("s3 --> final"), "{graph}");
        assert!(!graph.contains("s0 --> final"), "{graph}");
    }

    #[test]
    fn a_label_cannot_be_left() {
        let mut directive = fixture::directive();
        directive.steps[0].name = StepName::new("a\"] --> x\n```\n<b>;#`");
        let graph = mermaid(&directive);
        assert!(graph.contains("a#quot;#93; --#gt; x #96;#96;#96; #lt;b#gt;#59;#35;#96;"), "{graph}");
        assert_eq!(graph.matches("```").count(), 2);
    }

    #[test]
    fn a_graph_too_large_to_read_is_left_out() {
        let mut directive = fixture::directive();
        directive.steps = vec![directive.steps[0].clone(); MAX_STEPS + 1];
        assert_eq!(mermaid(&directive), "");
    }
}
