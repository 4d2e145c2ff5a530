//! Draws Mermaid flowcharts as SVG on the server. GitHub shows them, and a page without scripts should too.
//!
//! In: the text of a `mermaid` code block. Out: an `<svg>`, or nothing if the text is another kind of diagram or has
//! unsupported syntax; the page then shows the text. Of
//! <https://mermaid.js.org/syntax/flowchart.html>, nodes, edges with labels, chains, `&`, `classDef`, `class`, `style`
//! and `:::` are supported. Subgraphs are drawn without their frames, and clicks are ignored.

mod draw;
mod layout;
mod parse;

use maud::Markup;

/// The most nodes. The time of the layout grows faster than the graph.
const MAX_NODES: usize = 80;
const MAX_EDGES: usize = 240;

/// The drawing of a flowchart, if `source` is one.
pub(super) fn render(source: &str) -> Option<Markup> {
    let graph = parse::parse(source)?;
    if graph.nodes.is_empty() || graph.nodes.len() > MAX_NODES || graph.edges.len() > MAX_EDGES {
        return None;
    }
    let placed = layout::place(&graph);
    Some(draw::draw(&graph, &placed, source))
}

#[derive(Debug, Default)]
struct Graph {
    sideways: bool,
    reversed: bool,
    nodes: Vec<Node>,
    edges: Vec<Edge>,
}

#[derive(Debug)]
struct Node {
    id: String,
    lines: Vec<String>,
    shape: Shape,
    style: Style,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Rectangle,
    Rounded,
    Stadium,
    Circle,
    Diamond,
    Hexagon,
}

/// A style. It only contains values that were checked to be colours or numbers.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Style {
    fill: Option<String>,
    stroke: Option<String>,
    color: Option<String>,
    stroke_width: Option<String>,
    dashes: Option<String>,
}

#[derive(Debug)]
struct Edge {
    from: usize,
    to: usize,
    label: Option<String>,
    line: Line,
    arrow: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line {
    Solid,
    Dotted,
    Thick,
    Hidden,
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAN: &str = r#"graph LR
    %% the plan
    classDef passed fill:#dafbe1,stroke:#1a7f37,color:#1a7f37
    classDef running fill:#ddf4ff,stroke:#0969da;
    research(["research<br/>passed"]):::passed
    research --> parse["parse"]
    research --> print["print &quot;it&quot;"]
    parse & print --> tests{"tests"}
    tests -- "then" --> document
    tests -.->|late| document
    class parse,print running
    "#;

    #[test]
    fn a_plan_is_read_with_its_shapes_styles_and_edges() {
        let graph = parse::parse(PLAN).unwrap();
        let ids: Vec<_> = graph.nodes.iter().map(|node| node.id.as_str()).collect();
        assert_eq!(ids, ["research", "parse", "print", "tests", "document"]);
        assert_eq!(graph.nodes[0].lines, ["research", "passed"]);
        assert_eq!((graph.nodes[0].shape, graph.nodes[3].shape), (Shape::Stadium, Shape::Diamond));
        assert_eq!(graph.nodes[0].style.fill.as_deref(), Some("#dafbe1"));
        assert_eq!(graph.nodes[2].style.stroke.as_deref(), Some("#0969da"));
        assert_eq!(graph.nodes[2].lines, ["print \"it\""]);
        assert_eq!(graph.nodes[4].lines, ["document"], "a node that is only named shows its name");
        let edges: Vec<_> = graph.edges.iter().map(|edge| (edge.from, edge.to, edge.label.as_deref())).collect();
        let expected =
            [(0, 1, None), (0, 2, None), (1, 3, None), (2, 3, None), (3, 4, Some("then")), (3, 4, Some("late"))];
        assert_eq!(edges, expected);
        assert!(graph.sideways);
        assert_eq!(graph.edges[5].line, Line::Dotted);
    }

    #[test]
    fn hyphens_belong_to_names_and_not_to_arrows() {
        let graph = parse::parse("flowchart TD; read-names-->print-names---end-it; a==>b").unwrap();
        let ids: Vec<_> = graph.nodes.iter().map(|node| node.id.as_str()).collect();
        assert_eq!(ids, ["read-names", "print-names", "end-it", "a", "b"]);
        assert_eq!((graph.edges[0].arrow, graph.edges[1].arrow, graph.edges[2].line), (true, false, Line::Thick));
    }

    #[test]
    fn no_two_nodes_overlap_and_edges_go_forward() {
        let graph = parse::parse("graph TD\na-->b\na-->c\na-->d\nb-->e\nc-->e\na-->e\ne-->f\nd-->f").unwrap();
        let placed = layout::place(&graph);
        for (i, a) in placed.boxes.iter().enumerate() {
            for b in &placed.boxes[i + 1..] {
                let apart = (a.x - b.x).abs() >= f64::midpoint(a.width, b.width)
                    || (a.y - b.y).abs() >= f64::midpoint(a.height, b.height);
                assert!(apart, "{a:?} and {b:?}");
            }
        }
        for edge in &graph.edges {
            assert!(placed.boxes[edge.from].y < placed.boxes[edge.to].y);
        }
        assert!(placed.boxes.iter().all(|b| b.x - b.width / 2.0 >= 0.0 && b.x + b.width / 2.0 <= placed.width));
    }

    #[test]
    fn a_cycle_is_drawn_and_does_not_hang() {
        assert!(render("graph LR\na-->b-->c-->a\nc-->c").is_some());
    }

    #[test]
    fn other_diagrams_are_shown_as_text() {
        for text in ["", "sequenceDiagram\nA->>B: hi", "graph LR\na[never closed", "graph LR\n???", "graph LR"] {
            assert!(render(text).is_none(), "{text:?}");
        }
    }

    #[test]
    fn nothing_of_the_text_becomes_markup_or_style() {
        let source = "graph LR\na[\"<script>alert(1)</script>&lt;b&gt;\"]\nstyle a fill:url(#x),stroke:red";
        let svg = render(source).unwrap().into_string();
        assert!(!svg.contains("<script") && svg.contains("&lt;b&gt;"), "{svg}");
        assert!(!svg.contains("url(#x)"), "{svg}");
    }
}
