//! How many input tokens a request can have.
//!
//! Nobody but the provider has its tokenizer, but a token is at least a byte. A conversation only grows, so what the
//! provider counted for an earlier request bounds the part that the next one has in common with it. That holds where the
//! same model counts the same text in the same way. A provider that leaves out old turns does not, and is believed no
//! longer once its counts do not fit each other.

/// What a provider adds by itself, as for the description of tools.
const OVERHEAD: u64 = 1_024;
/// Requests of a run that are remembered: sub-agents have conversations of their own.
const CONVERSATIONS: usize = 8;
/// Bytes of them that are remembered.
const BYTES: usize = 8 << 20;

/// Requests whose input tokens the provider counted, the newest last.
#[derive(Debug, Default)]
pub(crate) struct Inputs {
    counted: Vec<Counted>,
    /// Two counts did not fit each other: only bytes bound a request from then on.
    distrusted: bool,
}

#[derive(Debug)]
struct Counted {
    model: String,
    body: Vec<u8>,
    tokens: u64,
}

impl Inputs {
    /// The most input tokens that a request to a model can have.
    pub(crate) fn bound(&self, model: &str, body: &[u8]) -> u64 {
        let whole = body.len() as u64;
        let same_model = self.counted.iter().filter(|earlier| earlier.model == model);
        let grown = same_model.map(|earlier| earlier.tokens.saturating_add(new_bytes(&earlier.body, body)));
        grown.min().unwrap_or(whole).min(whole).saturating_add(OVERHEAD)
    }

    /// The provider counted so many for this request.
    pub(crate) fn learn(&mut self, model: &str, body: Vec<u8>, tokens: u64) {
        let most =
            |from: &[u8], tokens: u64, to: &[u8]| tokens.saturating_add(new_bytes(from, to)).saturating_add(OVERHEAD);
        let fits = |earlier: &Counted| {
            tokens <= most(&earlier.body, earlier.tokens, &body) && earlier.tokens <= most(&body, tokens, &earlier.body)
        };
        self.distrusted |= !self.counted.iter().filter(|earlier| earlier.model == model).all(fits);
        if self.distrusted {
            self.counted.clear();
            return;
        }
        self.counted.push(Counted { model: model.to_owned(), body, tokens });
        while self.counted.len() > CONVERSATIONS
            || self.counted.iter().map(|counted| counted.body.len()).sum::<usize>() > BYTES
        {
            self.counted.remove(0);
        }
    }
}

/// The bytes of `later` that are neither in the beginning nor in the end that it has in common with `earlier`.
fn new_bytes(earlier: &[u8], later: &[u8]) -> u64 {
    let beginning = earlier.iter().zip(later).take_while(|(a, b)| a == b).count();
    let (earlier, later) = (&earlier[beginning..], &later[beginning..]);
    let end = earlier.iter().rev().zip(later.iter().rev()).take_while(|(a, b)| a == b).count();
    (later.len() - end) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conversation_that_grows_is_bounded_by_its_last_count_and_the_new_bytes() {
        let first = format!(r#"{{"messages":["{}"],"tools":["{}"]}}"#, "a".repeat(40_000), "t".repeat(20_000));
        let next = format!(r#"{{"messages":["{}","more"],"tools":["{}"]}}"#, "a".repeat(40_000), "t".repeat(20_000));
        let mut inputs = Inputs::default();
        assert_eq!(inputs.bound("m", first.as_bytes()), first.len() as u64 + OVERHEAD);
        inputs.learn("m", first.clone().into_bytes(), 15_000);
        assert_eq!(inputs.bound("m", next.as_bytes()), 15_000 + 7 + OVERHEAD);
        let other = "b".repeat(500);
        assert_eq!(inputs.bound("m", other.as_bytes()), 500 + OVERHEAD, "never more than its bytes");
        let whole = next.len() as u64 + OVERHEAD;
        assert_eq!(inputs.bound("n", next.as_bytes()), whole, "another model has another tokenizer");
    }

    #[test]
    fn counts_that_do_not_fit_each_other_bound_nothing() {
        let text = |turns: usize| "turn ".repeat(1_000 * turns).into_bytes();
        for counted in [[2_000, 4_000, 500], [2_000, 9_000, 9_500]] {
            let mut inputs = Inputs::default();
            inputs.learn("m", text(1), counted[0]);
            assert_eq!(inputs.bound("m", &text(2)), 2_000 + 5_000 + OVERHEAD);
            for (turns, tokens) in [(2, counted[1]), (3, counted[2])] {
                inputs.learn("m", text(turns), tokens);
            }
            assert_eq!(inputs.bound("m", &text(4)), 20_000 + OVERHEAD, "{counted:?}");
            inputs.learn("m", text(4), 8_000);
            assert_eq!(inputs.bound("m", &text(5)), 25_000 + OVERHEAD, "and none of this run does any more");
        }
    }

    #[test]
    fn memory_is_bounded() {
        let mut inputs = Inputs::default();
        for turn in 0..100_u8 {
            inputs.learn("m", vec![turn; 1 << 20], 10);
        }
        assert!(inputs.counted.iter().map(|counted| counted.body.len()).sum::<usize>() <= BYTES);
        assert!(!inputs.counted.is_empty());
    }
}
