//! Draws a graph with its layout as SVG. The page's style sheet has the default colours.

use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash, Hasher};

use maud::{Markup, html};

use super::{
    Edge, Graph, Line, Node, Shape,
    layout::{LINE_HEIGHT, Place, Placed, text_width},
};

const ARROW: f64 = 10.0;

/// Draws the graph. `source` is part of the arrow head's id, so that two graphs on one page do not share ids.
pub(super) fn draw(graph: &Graph, placed: &Placed, source: &str) -> Markup {
    let mut hasher = DefaultHasher::new();
    source.hash(&mut hasher);
    let marker = format!("arrow-{:x}", hasher.finish());
    let names: Vec<&str> = graph.nodes.iter().map(|node| node.id.as_str()).collect();
    html! {
        svg.flowchart xmlns="http://www.w3.org/2000/svg" role="img" aria-label={ "Flowchart of " (names.join(", ")) }
            style={ "min-width:min(" (number(placed.width)) "px,540px)" }
            width=(number(placed.width)) height=(number(placed.height))
            viewBox={ "0 0 " (number(placed.width)) " " (number(placed.height)) } {
            defs {
                marker id=(marker) viewBox="0 0 10 10" refX="9" refY="5" markerWidth=(ARROW) markerHeight=(ARROW)
                    markerUnits="userSpaceOnUse" orient="auto-start-reverse" { path.arrowhead d="M 0 0 L 10 5 L 0 10 z" {} }
            }
            @for (edge, way) in graph.edges.iter().zip(&placed.ways) {
                @if edge.line != Line::Hidden { (draw_edge(graph, placed, edge, way, &marker)) }
            }
            @for (node, place) in graph.nodes.iter().zip(&placed.boxes) { (draw_node(node, *place)) }
        }
    }
}

fn draw_node(node: &Node, place: Place) -> Markup {
    let style = &node.style;
    let Place { x, y, width, height } = place;
    let (left, top, right, bottom) = (x - width / 2.0, y - height / 2.0, x + width / 2.0, y + height / 2.0);
    let corner = match node.shape {
        Shape::Stadium => height / 2.0,
        Shape::Rounded => 12.0,
        _ => 6.0,
    };
    let points = match node.shape {
        Shape::Diamond => Some(vec![(x, top), (right, y), (x, bottom), (left, y)]),
        Shape::Hexagon => Some(vec![
            (left + 14.0, top),
            (right - 14.0, top),
            (right, y),
            (right - 14.0, bottom),
            (left + 14.0, bottom),
            (left, y),
        ]),
        _ => None,
    };
    let color = style.color.clone().or_else(|| style.fill.as_deref().and_then(readable_on));
    let lines = f64::from(u32::try_from(node.lines.len()).unwrap_or(1));
    let first = y - (lines - 1.0) * LINE_HEIGHT / 2.0;
    html! {
        g.node {
            @if let Some(points) = points {
                polygon points=(join(&points)) fill=[&style.fill] stroke=[&style.stroke]
                    stroke-width=[&style.stroke_width] stroke-dasharray=[&style.dashes] {}
            } @else if node.shape == Shape::Circle {
                circle cx=(number(x)) cy=(number(y)) r=(number(width / 2.0)) fill=[&style.fill] stroke=[&style.stroke]
                    stroke-width=[&style.stroke_width] stroke-dasharray=[&style.dashes] {}
            } @else {
                rect x=(number(left)) y=(number(top)) width=(number(width)) height=(number(height)) rx=(number(corner))
                    fill=[&style.fill] stroke=[&style.stroke]
                    stroke-width=[&style.stroke_width] stroke-dasharray=[&style.dashes] {}
            }
            text x=(number(x)) fill=[color] {
                @for (line, y) in node.lines.iter().zip((0..).map(|n: u32| first + f64::from(n) * LINE_HEIGHT)) {
                    tspan x=(number(x)) y=(number(y)) { (line) }
                }
            }
        }
    }
}

fn draw_edge(graph: &Graph, placed: &Placed, edge: &Edge, way: &[(f64, f64)], marker: &str) -> Markup {
    let points = points(graph, placed, edge, way);
    let mut path = String::new();
    let mut previous = points[0];
    let _ = write!(path, "M {} {}", number(previous.0), number(previous.1));
    for &(x, y) in &points[1..] {
        let (from_x, from_y) = previous;
        let (first, second) = if graph.sideways {
            let middle = f64::midpoint(from_x, x);
            ((middle, from_y), (middle, y))
        } else {
            let middle = f64::midpoint(from_y, y);
            ((from_x, middle), (x, middle))
        };
        let _ = write!(path, " C {}", join(&[first, second, (x, y)]));
        previous = (x, y);
    }
    let class = match edge.line {
        Line::Dotted => "edge dotted",
        Line::Thick => "edge thick",
        Line::Solid | Line::Hidden => "edge",
    };
    let middle = points.len() / 2;
    let (a, b) = (points[middle - 1], points[middle]);
    let at = (f64::midpoint(a.0, b.0), f64::midpoint(a.1, b.1));
    html! {
        path class=(class) d=(path) marker-end=[edge.arrow.then(|| format!("url(#{marker})"))] {}
        @if let Some(label) = &edge.label {
            @let width = text_width(label) * 0.86 + 8.0;
            rect.edge-label x=(number(at.0 - width / 2.0)) y=(number(at.1 - 9.0)) width=(number(width)) height="18" rx="3" {}
            text.edge-label x=(number(at.0)) y=(number(at.1)) { (label) }
        }
    }
}

/// The points from the border of one box to the border of the other, on the sides in the direction of the flow. An edge
/// that goes backward leaves on the side where the flow enters.
fn points(graph: &Graph, placed: &Placed, edge: &Edge, way: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let (from, to) = (placed.boxes[edge.from], placed.boxes[edge.to]);
    let ahead = if graph.sideways { to.x >= from.x } else { to.y >= from.y };
    let sign = if ahead { 1.0 } else { -1.0 };
    let (start, end) = if edge.from == edge.to {
        ((from.x + from.width / 2.0, from.y), (from.x, from.y + from.height / 2.0))
    } else if graph.sideways {
        ((from.x + sign * from.width / 2.0, from.y), (to.x - sign * (to.width / 2.0 + 1.0), to.y))
    } else {
        ((from.x, from.y + sign * from.height / 2.0), (to.x, to.y - sign * (to.height / 2.0 + 1.0)))
    };
    std::iter::once(start).chain(way.iter().copied()).chain([end]).collect()
}

fn join(points: &[(f64, f64)]) -> String {
    let points: Vec<String> = points.iter().map(|&(x, y)| format!("{},{}", number(x), number(y))).collect();
    points.join(" ")
}

/// One digit after the decimal point is finer than a screen.
fn number(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

/// Black or white, whichever is easier to read on this colour; `None` for a named colour.
fn readable_on(fill: &str) -> Option<String> {
    let hex = fill.strip_prefix('#')?;
    let digit = |at: usize| hex.get(at..=at).and_then(|digit| u32::from_str_radix(digit, 16).ok());
    let channel = |n: usize| match hex.len() {
        3 | 4 => Some(digit(n)? * 17),
        _ => Some(digit(2 * n)? * 16 + digit(2 * n + 1)?),
    };
    let light = channel(0)? * 299 + channel(1)? * 587 + channel(2)? * 114;
    Some(if light > 140_000 { "#1f2328" } else { "#ffffff" }.to_owned())
}
