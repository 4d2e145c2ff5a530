//! The forms in which providers are asked: which path is what, what a request asks for, and what an answer reports.
//!
//! | Form | Path | Cap | Counted in |
//! |---|---|---|---|
//! | Anthropic Messages | `/v1/messages` | `max_tokens` | `message_start`, `message_delta` |
//! | OpenAI Responses | `/v1/responses` | `max_output_tokens` | `response.completed` |
//! | OpenAI Chat Completions | `/v1/chat/completions` | `max_completion_tokens`, `max_tokens` | the chunk with `usage` |
//! | Gemini | `/v1beta/models/M:streamGenerateContent` | `generationConfig.maxOutputTokens` | `usageMetadata` |

mod answer;
mod ask;
mod path;
mod sse;

pub(crate) use answer::Meter;
pub(crate) use ask::{Asked, cap};
pub(crate) use path::{Call, call};

use serde::{Deserialize, Serialize};

/// A form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Api {
    /// Anthropic's Messages.
    Messages,
    /// OpenAI's Responses.
    Responses,
    /// OpenAI's Chat Completions, which many others speak.
    Chat,
    /// Google's Gemini.
    Gemini,
}

impl Api {
    /// Its name in lines of the ledger.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Messages => "messages",
            Self::Responses => "responses",
            Self::Chat => "chat",
            Self::Gemini => "gemini",
        }
    }
}

/// What a provider charges for speed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Tier {
    /// The rates of the table. Cheaper tiers are counted as this one.
    #[default]
    Default,
    /// The dearer rates of `priority`.
    Priority,
}

/// Tokens by what they cost. No token is in two classes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tokens {
    /// Read, and not from the cache.
    pub input: u64,
    /// Read from the provider's cache.
    pub cache_read: u64,
    /// Written to the cache for minutes.
    pub cache_write: u64,
    /// Written to the cache for an hour or longer.
    pub cache_write_1h: u64,
    /// Written by the model, thoughts included.
    pub output: u64,
    /// Searches by the provider, which are billed one by one.
    pub searches: u64,
}

impl Tokens {
    /// Everything that was read.
    pub fn all_input(&self) -> u64 {
        [self.input, self.cache_read, self.cache_write, self.cache_write_1h]
            .iter()
            .fold(0, |sum, it| sum.saturating_add(*it))
    }
}
