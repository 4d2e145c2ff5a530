//! Lays out a graph. A node's layer is the longest path from a start, and the order within a layer is by the mean
//! position of the neighbours (Sugiyama's method in its simplest form). Long edges are routed through the layers that
//! they cross.

use super::{Graph, Node, Shape};

/// A node's centre and size.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) width: f64,
    pub(super) height: f64,
}

/// The positions of the nodes, and the points that each edge passes between its two ends.
#[derive(Debug)]
pub(super) struct Placed {
    pub(super) boxes: Vec<Place>,
    pub(super) ways: Vec<Vec<(f64, f64)>>,
    pub(super) width: f64,
    pub(super) height: f64,
}

pub(super) const LINE_HEIGHT: f64 = 19.0;
const MARGIN: f64 = 12.0;
const GAP_IN_LAYER: f64 = 26.0;
const GAP_OF_LAYERS: f64 = 46.0;
const SWEEPS: usize = 8;

/// An item of a layer: a node, or the place where a long edge passes.
struct Item {
    layer: usize,
    /// The size across the flow, and along the flow.
    across: f64,
    along: f64,
    /// The centre across the flow.
    at: f64,
    before: Vec<usize>,
    after: Vec<usize>,
}

/// Lays out the graph. The flow goes down, or to the right if the graph is `sideways`.
pub(super) fn place(graph: &Graph) -> Placed {
    let sizes: Vec<(f64, f64)> = graph.nodes.iter().map(size).collect();
    let layers_of = layers(graph);
    let mut items: Vec<Item> = sizes
        .iter()
        .zip(&layers_of)
        .map(|(&(width, height), &layer)| {
            let (across, along) = if graph.sideways { (height, width) } else { (width, height) };
            Item { layer, across, along, at: 0.0, before: Vec::new(), after: Vec::new() }
        })
        .collect();
    let passes = add_edges(graph, &mut items);
    let mut layers = vec![Vec::new(); items.iter().map(|item| item.layer + 1).max().unwrap_or(0)];
    for (id, item) in items.iter().enumerate() {
        layers[item.layer].push(id);
    }
    settle(&mut items, &mut layers);
    finish(graph, &items, &layers, &passes, &sizes)
}

fn size(node: &Node) -> (f64, f64) {
    let longest = node.lines.iter().map(|line| text_width(line)).fold(20.0, f64::max);
    let lines = f64::from(u32::try_from(node.lines.len().max(1)).unwrap_or(u32::MAX));
    let (width, height) = (longest + 32.0, lines * LINE_HEIGHT + 20.0);
    match node.shape {
        Shape::Diamond => (width * 1.25 + 16.0, height * 1.5),
        Shape::Circle => (width.max(height), width.max(height)),
        Shape::Hexagon => (width + 20.0, height),
        _ => (width, height),
    }
}

/// The approximate width of a sans-serif text of 14 pixels.
pub(super) fn text_width(text: &str) -> f64 {
    text.chars()
        .map(|c| match c {
            'i' | 'j' | 'l' | '.' | ',' | '\'' | '|' | ':' => 4.2,
            ' ' | 'f' | 't' | 'r' | '-' | '(' | ')' => 5.2,
            'm' | 'w' | 'M' | 'W' => 12.0,
            c if c.is_ascii_uppercase() => 9.6,
            c if c.is_ascii() => 7.9,
            c if (c as u32) < 0x1100 => 8.4,
            _ => 15.0,
        })
        .sum()
}

/// The longest path from a start, without the edges that close a cycle.
fn layers(graph: &Graph) -> Vec<usize> {
    let mut layers = vec![0; graph.nodes.len()];
    // As many rounds as the longest possible path. An edge that would still push after that is part of a cycle.
    for _ in 0..graph.nodes.len() {
        let mut moved = false;
        for edge in graph.edges.iter().filter(|edge| !closes_cycle(graph, edge.from, edge.to)) {
            if layers[edge.to] <= layers[edge.from] {
                layers[edge.to] = layers[edge.from] + 1;
                moved = true;
            }
        }
        if !moved {
            break;
        }
    }
    layers
}

/// Among the edges of a cycle, those that lead to a node which was named earlier close it.
fn closes_cycle(graph: &Graph, from: usize, to: usize) -> bool {
    if to > from {
        return false;
    }
    let mut seen = vec![false; graph.nodes.len()];
    let mut next = vec![to];
    while let Some(node) = next.pop() {
        if node == from {
            return true;
        }
        if !std::mem::replace(&mut seen[node], true) {
            next.extend(graph.edges.iter().filter(|edge| edge.from == node).map(|edge| edge.to));
        }
    }
    false
}

/// Joins the items by edges; returns, per edge, the items that it passes through.
fn add_edges(graph: &Graph, items: &mut Vec<Item>) -> Vec<Vec<usize>> {
    let mut passes = Vec::with_capacity(graph.edges.len());
    for edge in &graph.edges {
        let (first, last) = (items[edge.from].layer, items[edge.to].layer);
        let mut way = Vec::new();
        if last > first {
            let mut previous = edge.from;
            for layer in first + 1..last {
                let id = items.len();
                items.push(Item {
                    layer,
                    across: 10.0,
                    along: 0.0,
                    at: 0.0,
                    before: vec![previous],
                    after: Vec::new(),
                });
                items[previous].after.push(id);
                way.push(id);
                previous = id;
            }
            items[previous].after.push(edge.to);
            items[edge.to].before.push(previous);
        }
        passes.push(way);
    }
    passes
}

/// Orders the items of each layer and places them near their neighbours, sweeping down and up.
fn settle(items: &mut [Item], layers: &mut [Vec<usize>]) {
    for layer in layers.iter() {
        pack(items, layer, |_, at| at);
    }
    for sweep in 0..SWEEPS {
        let down = sweep % 2 == 0;
        let order: Vec<usize> = if down { (0..layers.len()).collect() } else { (0..layers.len()).rev().collect() };
        for layer in order {
            let preferred_at = |items: &[Item], id: usize| {
                let near = if down { &items[id].before } else { &items[id].after };
                let all: f64 = near.iter().map(|&other| items[other].at).sum();
                if near.is_empty() { items[id].at } else { all / f64::from(u32::try_from(near.len()).unwrap_or(1)) }
            };
            let mut preferred: Vec<(usize, f64)> =
                layers[layer].iter().map(|&id| (id, preferred_at(items, id))).collect();
            preferred.sort_by(|a, b| a.1.total_cmp(&b.1));
            layers[layer] = preferred.iter().map(|&(id, _)| id).collect();
            let mut preferred = preferred.into_iter().map(|(_, at)| at);
            pack(items, &layers[layer], |_, at| preferred.next().unwrap_or(at));
        }
    }
}

/// Puts a layer's items at their preferred positions, pushes them apart if they overlap, and moves all of them back by
/// the average push.
fn pack(items: &mut [Item], layer: &[usize], mut preferred_at: impl FnMut(usize, f64) -> f64) {
    let (mut end, mut pushed) = (f64::NEG_INFINITY, 0.0);
    for &id in layer {
        let wanted_at = preferred_at(id, items[id].at);
        let at = wanted_at.max(end + items[id].across / 2.0);
        pushed += at - wanted_at;
        items[id].at = at;
        end = at + items[id].across / 2.0 + GAP_IN_LAYER;
    }
    let back = pushed / f64::from(u32::try_from(layer.len().max(1)).unwrap_or(1));
    for &id in layer {
        items[id].at -= back;
    }
}

fn finish(graph: &Graph, items: &[Item], layers: &[Vec<usize>], passes: &[Vec<usize>], sizes: &[(f64, f64)]) -> Placed {
    let start = items.iter().map(|item| item.at - item.across / 2.0).fold(f64::INFINITY, f64::min);
    let across = items.iter().map(|item| item.at + item.across / 2.0).fold(f64::NEG_INFINITY, f64::max) - start;
    // A label is between two layers. If the flow is sideways, it needs its width there.
    let widest = graph.edges.iter().filter_map(|edge| edge.label.as_deref()).map(text_width).fold(0.0, f64::max);
    let gap = if graph.sideways { GAP_OF_LAYERS.max(widest + 24.0) } else { GAP_OF_LAYERS };
    let mut centres = Vec::with_capacity(layers.len());
    let mut depths = Vec::with_capacity(layers.len());
    let mut end = MARGIN;
    for layer in layers {
        let along = layer.iter().map(|&id| items[id].along).fold(0.0, f64::max);
        centres.push(end + along / 2.0);
        depths.push(along / 2.0);
        end += along + gap;
    }
    let along = end - gap + MARGIN;
    let across = across + 2.0 * MARGIN;
    let point = |item: &Item, shift: f64| {
        let forward = centres[item.layer] + shift;
        let forward = if graph.reversed { along - forward } else { forward };
        let side = item.at - start + MARGIN;
        if graph.sideways { (forward, side) } else { (side, forward) }
    };
    let boxes = sizes.iter().zip(items).map(|(&(width, height), item)| {
        let (x, y) = point(item, 0.0);
        Place { x, y, width, height }
    });
    // Straight through the whole depth of a layer, because a bend inside it would cross the boxes beside it.
    let through = |id: usize| {
        let depth = depths[items[id].layer];
        [point(&items[id], -depth), point(&items[id], depth)]
    };
    let ways = passes.iter().map(|way| way.iter().flat_map(|&id| through(id)).collect()).collect();
    let (width, height) = if graph.sideways { (along, across) } else { (across, along) };
    Placed { boxes: boxes.collect(), ways, width, height }
}
