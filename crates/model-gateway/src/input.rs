//! How many input tokens a request can have.
//!
//! Nobody but the provider has its tokenizer, but a token is at least a byte. A conversation only grows, so what the
//! provider counted for an earlier request bounds the part that the next one has in common with it.

/// What a provider adds by itself, as for the description of tools.
const OVERHEAD: u64 = 1_024;
/// Requests of a run that are remembered: sub-agents have conversations of their own.
const CONVERSATIONS: usize = 8;
/// Bytes of them that are remembered.
const BYTES: usize = 8 << 20;

/// Requests whose input tokens the provider counted, the newest last.
#[derive(Debug, Default)]
pub(crate) struct Inputs {
    counted: Vec<(Vec<u8>, u64)>,
}

impl Inputs {
    /// The most input tokens that a request can have.
    pub(crate) fn bound(&self, body: &[u8]) -> u64 {
        let whole = body.len() as u64;
        let grown = self.counted.iter().map(|(earlier, tokens)| tokens.saturating_add(new_bytes(earlier, body)));
        grown.min().unwrap_or(whole).min(whole).saturating_add(OVERHEAD)
    }

    /// The provider counted so many for this request.
    pub(crate) fn learn(&mut self, body: Vec<u8>, tokens: u64) {
        self.counted.push((body, tokens));
        while self.counted.len() > CONVERSATIONS
            || self.counted.iter().map(|(body, _)| body.len()).sum::<usize>() > BYTES
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
        assert_eq!(inputs.bound(first.as_bytes()), first.len() as u64 + OVERHEAD);
        inputs.learn(first.clone().into_bytes(), 15_000);
        assert_eq!(inputs.bound(next.as_bytes()), 15_000 + 7 + OVERHEAD);
        let other = "b".repeat(500);
        assert_eq!(inputs.bound(other.as_bytes()), 500 + OVERHEAD, "never more than its bytes");
    }

    #[test]
    fn memory_is_bounded() {
        let mut inputs = Inputs::default();
        for turn in 0..100_u8 {
            inputs.learn(vec![turn; 1 << 20], 10);
        }
        assert!(inputs.counted.iter().map(|(body, _)| body.len()).sum::<usize>() <= BYTES);
    }
}
