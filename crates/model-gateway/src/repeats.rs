//! A run that asks the same again and again. Programs do not stop by themselves: one made 2,400 requests in 17 minutes.

use std::collections::VecDeque;

/// Answered requests that are looked back on.
const LOOK_BACK: usize = 40;

/// The last turns of the requests that were answered.
#[derive(Debug, Default)]
pub(crate) struct Repeats(VecDeque<[u8; 32]>);

impl Repeats {
    /// How often this was asked among the last requests.
    pub(crate) fn count(&self, turn: &[u8; 32]) -> u32 {
        let count = self.0.iter().filter(|known| *known == turn).count();
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    /// It was answered.
    pub(crate) fn answered(&mut self, turn: [u8; 32]) {
        if self.0.len() == LOOK_BACK {
            self.0.pop_front();
        }
        self.0.push_back(turn);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_are_counted_also_in_turns() {
        let mut repeats = Repeats::default();
        for _ in 0..5 {
            repeats.answered([1; 32]);
            repeats.answered([2; 32]);
        }
        assert_eq!((repeats.count(&[1; 32]), repeats.count(&[3; 32])), (5, 0));
        for _ in 0..LOOK_BACK {
            repeats.answered([4; 32]);
        }
        assert_eq!(repeats.count(&[1; 32]), 0);
    }
}
