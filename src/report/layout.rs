//! Where the steps of a chain stand when it is drawn: in layers, each step in a later one than all that it depends on.

use std::cmp::Ordering;

use adjutant_domain::ids::StepName;
use adjutant_domain::step::Step;

/// How often the layers are gone through, down and up again, to untangle them.
const SWEEPS: usize = 8;

/// Where a step stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct NodePlace {
    /// The length of the longest way to it from a step that depends on nothing.
    layer: usize,
    /// Its place within the layer, counted from zero.
    order: usize,
}

/// The places of a chain's steps, in the order of `steps`.
pub(super) fn layout(steps: &[Step]) -> Vec<NodePlace> {
    let edges: Vec<(usize, usize)> = steps
        .iter()
        .enumerate()
        .flat_map(|(to, step)| {
            let before = |name: &StepName| steps.iter().position(|other| other.name == *name);
            step.depends_on.iter().filter_map(before).map(move |from| (from, to))
        })
        .collect();
    places(steps.len(), &edges)
}

/// The places of `count` nodes with these edges, each from a node to one that depends on it. Nodes of one layer keep their
/// order, except where another crosses fewer edges.
fn places(count: usize, edges: &[(usize, usize)]) -> Vec<NodePlace> {
    let layer = layers(count, edges);
    let last = layer.iter().copied().max().unwrap_or(0);
    let mut rows: Vec<Vec<usize>> =
        (0..=last).map(|at| (0..count).filter(|node| layer[*node] == at).collect()).collect();
    let mut best = rows.clone();
    let mut fewest = crossings(&rows, edges, count);
    for sweep in 0..SWEEPS {
        if fewest == 0 {
            break;
        }
        let down = sweep % 2 == 0;
        let order: Vec<usize> =
            if down { (1..rows.len()).collect() } else { (0..rows.len().saturating_sub(1)).rev().collect() };
        for at in order {
            let position = positions(&rows, count);
            let weight = |node: usize| barycenter(node, down, edges, &position);
            let mut row = std::mem::take(&mut rows[at]);
            // Stable: who has no neighbour, or as good a place, stays where it is.
            row.sort_by(|one, other| match (weight(*one), weight(*other)) {
                (Some(one), Some(other)) => one.partial_cmp(&other).unwrap_or(Ordering::Equal),
                _ => position[*one].cmp(&position[*other]),
            });
            rows[at] = row;
        }
        let now = crossings(&rows, edges, count);
        if now < fewest {
            fewest = now;
            best.clone_from(&rows);
        }
    }
    let order = positions(&best, count);
    (0..count).map(|node| NodePlace { layer: layer[node], order: order[node] }).collect()
}

/// Layers by longest paths. What is no order at all, a cycle, ends after as many rounds as there are nodes.
fn layers(count: usize, edges: &[(usize, usize)]) -> Vec<usize> {
    let mut layer = vec![0; count];
    for _ in 0..count {
        let mut moved = false;
        for (from, to) in edges {
            if layer[*to] <= layer[*from] {
                layer[*to] = layer[*from] + 1;
                moved = true;
            }
        }
        if !moved {
            break;
        }
    }
    layer
}

fn positions(rows: &[Vec<usize>], count: usize) -> Vec<usize> {
    let mut position = vec![0; count];
    for row in rows {
        for (at, node) in row.iter().enumerate() {
            position[*node] = at;
        }
    }
    position
}

/// The mean place of a node's neighbours before (or after) it.
#[allow(clippy::cast_precision_loss)] // a chain has at most a few dozen steps
fn barycenter(node: usize, down: bool, edges: &[(usize, usize)], position: &[usize]) -> Option<f64> {
    let neighbours = edges.iter().filter_map(|(from, to)| match down {
        true if *to == node => Some(position[*from]),
        false if *from == node => Some(position[*to]),
        _ => None,
    });
    let (sum, number) = neighbours.fold((0, 0), |(sum, number), at| (sum + at, number + 1));
    (number > 0).then(|| sum as f64 / f64::from(number))
}

/// How many pairs of edges between the same two layers cross. Edges that skip a layer are not counted.
fn crossings(rows: &[Vec<usize>], edges: &[(usize, usize)], count: usize) -> usize {
    let position = positions(rows, count);
    let mut row_of = vec![0; count];
    for (at, row) in rows.iter().enumerate() {
        for node in row {
            row_of[*node] = at;
        }
    }
    let pairs = edges.iter().enumerate().flat_map(|(at, one)| edges[at + 1..].iter().map(move |other| (one, other)));
    let cross = |one: &(usize, usize), other: &(usize, usize)| {
        row_of[one.0] == row_of[other.0]
            && row_of[one.1] == row_of[other.1]
            && position[one.0].cmp(&position[other.0]) == position[other.1].cmp(&position[one.1])
            && position[one.0] != position[other.0]
    };
    pairs.filter(|(one, other)| cross(one, other)).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Any graph without cycles, small or not so small, drawn from a number.
    fn any_graph(seed: u64) -> (usize, Vec<(usize, usize)>) {
        let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        let mut roll = move |sides: usize| {
            state ^= state >> 12;
            state ^= state << 25;
            state ^= state >> 27;
            usize::try_from(state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33).unwrap() % sides
        };
        let count = 1 + roll(14);
        // The numbers of the nodes are no order of the graph.
        let mut rank: Vec<usize> = (0..count).collect();
        for at in (1..count).rev() {
            rank.swap(at, roll(at + 1));
        }
        let mut edges = Vec::new();
        for from in 0..count {
            for to in 0..count {
                if rank[from] < rank[to] && roll(4) == 0 {
                    edges.push((from, to));
                }
            }
        }
        (count, edges)
    }

    #[test]
    fn each_edge_goes_to_a_higher_layer_and_each_place_is_taken_once() {
        for seed in 1..=2_000 {
            let (count, edges) = any_graph(seed);
            let places = places(count, &edges);
            for (from, to) in &edges {
                assert!(places[*from].layer < places[*to].layer, "seed {seed}: {edges:?} {places:?}");
            }
            for (node, place) in places.iter().enumerate() {
                let before = edges.iter().filter(|(_, to)| *to == node).map(|(from, _)| places[*from].layer + 1);
                assert_eq!(place.layer, before.max().unwrap_or(0), "seed {seed}: no layer is left out");
            }
            let mut taken = places.clone();
            taken.sort_unstable();
            taken.dedup();
            assert_eq!(taken.len(), count, "seed {seed}: {places:?}");
            let in_layer = |layer| places.iter().filter(|place| place.layer == layer).count();
            assert!(places.iter().all(|place| place.order < in_layer(place.layer)), "seed {seed}: {places:?}");
        }
    }

    #[test]
    fn it_never_crosses_more_than_the_order_that_it_began_with() {
        let rows_of = |places: &[NodePlace]| {
            let last = places.iter().map(|place| place.layer).max().unwrap_or(0);
            let mut rows: Vec<Vec<usize>> = vec![Vec::new(); last + 1];
            let mut nodes: Vec<usize> = (0..places.len()).collect();
            nodes.sort_by_key(|node| places[*node]);
            for node in nodes {
                rows[places[node].layer].push(node);
            }
            rows
        };
        let (mut fewer, mut total) = (0, 0);
        for seed in 1..=500 {
            let (count, edges) = any_graph(seed);
            let drawn = places(count, &edges);
            let mut plain = rows_of(&drawn);
            for row in &mut plain {
                row.sort_unstable();
            }
            let (now, before) = (crossings(&rows_of(&drawn), &edges, count), crossings(&plain, &edges, count));
            assert!(now <= before, "seed {seed}: {now} > {before}");
            fewer += usize::from(now < before);
            total += usize::from(before > 0);
        }
        assert!(fewer * 2 > total, "{fewer} of {total} tangled graphs are less so");
    }

    #[test]
    fn two_ways_that_cross_are_drawn_side_by_side() {
        // 0 → 3, 1 → 2
        let drawn = places(4, &[(0, 3), (1, 2)]);
        assert_eq!((drawn[0].order, drawn[1].order), (drawn[3].order, drawn[2].order));
    }

    #[test]
    fn what_is_not_tangled_keeps_its_order() {
        let drawn = places(4, &[(0, 1), (0, 2), (1, 3), (2, 3)]);
        let order: Vec<(usize, usize)> = drawn.iter().map(|place| (place.layer, place.order)).collect();
        assert_eq!(order, [(0, 0), (1, 0), (1, 1), (2, 0)]);
        assert_eq!(places(0, &[]), []);
    }

    #[test]
    fn a_cycle_ends_too() {
        assert_eq!(places(2, &[(0, 1), (1, 0)]).len(), 2);
    }
}
