//! A run that asks the same again and again. Programs do not stop by themselves: one made 2,400 requests in 17 minutes.
//!
//! Two things count as the same: a last turn that says exactly the same, anywhere among the last requests; and, in a row,
//! one that says the same in its words. Some programs put times and ids into what their tools return. Tests that are run
//! again after each change are neither.

use std::collections::VecDeque;

use crate::wire::Asked;

/// Answered requests that are looked back on.
const LOOK_BACK: usize = 40;

/// The last turns of the requests that were answered.
#[derive(Debug, Default)]
pub(crate) struct Repeats {
    turns: VecDeque<[u8; 32]>,
    words: [u8; 32],
    in_a_row: usize,
}

impl Repeats {
    /// How often this was asked before.
    pub(crate) fn count(&self, asked: &Asked) -> u32 {
        let exactly = self.turns.iter().filter(|known| **known == asked.last_turn).count();
        let in_a_row = if self.words == asked.last_words { self.in_a_row } else { 0 };
        u32::try_from(exactly.max(in_a_row)).unwrap_or(u32::MAX)
    }

    /// It was answered.
    pub(crate) fn answered(&mut self, asked: &Asked) {
        if self.turns.len() == LOOK_BACK {
            self.turns.pop_front();
        }
        self.turns.push_back(asked.last_turn);
        self.in_a_row = if self.words == asked.last_words { self.in_a_row + 1 } else { 1 };
        self.words = asked.last_words;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Tier;

    fn asked(turn: u8, words: u8) -> Asked {
        Asked {
            model: String::new(),
            stream: false,
            output: None,
            choices: 1,
            searches: 0,
            tier: Tier::Default,
            asks: Vec::new(),
            last_turn: [turn; 32],
            last_words: [words; 32],
        }
    }

    #[test]
    fn the_same_is_counted_also_with_others_between() {
        let mut repeats = Repeats::default();
        for _ in 0..5 {
            repeats.answered(&asked(1, 1));
            repeats.answered(&asked(2, 2));
        }
        assert_eq!((repeats.count(&asked(1, 9)), repeats.count(&asked(3, 3))), (5, 0));
        for turn in 100..100 + u8::try_from(LOOK_BACK).unwrap() {
            repeats.answered(&asked(turn, turn));
        }
        assert_eq!(repeats.count(&asked(1, 1)), 0);
    }

    #[test]
    fn the_same_words_are_counted_in_a_row_only() {
        let mut repeats = Repeats::default();
        for turn in 0..5 {
            repeats.answered(&asked(turn, 7));
        }
        assert_eq!(repeats.count(&asked(9, 7)), 5);
        repeats.answered(&asked(6, 8));
        assert_eq!(repeats.count(&asked(9, 7)), 0, "something else came between");
    }
}
