//! What tokens cost.
//!
//! The table that ships is a dated cut of a maintained one (`prices/`, cut by [`PriceTable::of_litellm`]). An operator
//! reads a newer one from a file and adds models of their own.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::money::Amount;
use crate::wire::{Tier, Tokens};

/// The table that is compiled in.
const SHIPPED: &str = include_str!("../prices/models.json");
/// What a search by the provider costs where the table does not say: the dearest that is known.
const DEAREST_SEARCH: f64 = 0.035;
/// Rates and multipliers beyond this are mistakes of a table: US dollars for a million tokens.
const MAX_RATE: f64 = 1e6;

/// The rates of one model: US dollars for a million tokens.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rates {
    pub input: f64,
    pub output: f64,
    /// Tokens read from the provider's cache; as `input` where it is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read: Option<f64>,
    /// Tokens written to the cache; as `input` where it is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub write: Option<f64>,
    /// Tokens written to the cache for an hour or longer; as `write` where it is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub write_1h: Option<f64>,
    /// One search by the provider, in dollars.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub search: Option<f64>,
    /// Rates of the tier `priority`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<Partial>,
    /// Rates of requests with more input tokens.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub above: Vec<Above>,
    /// Factors by what a request asks for: `fast`, `us`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub times: BTreeMap<String, f64>,
}

/// Rates that replace the model's own.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Partial {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub write: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub write_1h: Option<f64>,
}

/// Rates of long requests.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Above {
    /// A request with more input tokens than this has these rates.
    pub tokens: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub write: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub write_1h: Option<f64>,
}

/// Why a table cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PriceTableError {
    #[error("it is no table of prices: {0}")]
    Form(#[from] serde_json::Error),
    #[error(
        "it gives the model `{model}` the rate {rate}: a rate is from 0 to 1,000,000 US dollars for a million tokens"
    )]
    Rate { model: String, rate: f64 },
    #[error("it gives the model `{model}` something else than a number as `{key}`")]
    NoNumber { model: String, key: String },
    #[error("it has no model with a price of {providers}")]
    NoModels { providers: String },
}

/// Prices by model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PriceTable {
    /// Where the table is from.
    pub source: String,
    /// Its date, as in `2026-11-29`.
    pub date: String,
    models: BTreeMap<String, Rates>,
}

/// Numbers of models.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PriceChanges {
    pub new: usize,
    pub gone: usize,
    /// In both, with other rates.
    pub other: usize,
}

impl PriceTable {
    /// The table that is compiled in.
    #[expect(clippy::missing_panics_doc, reason = "a test reads the table that is compiled in")]
    pub fn shipped() -> Self {
        Self::parse(SHIPPED).expect("the shipped table of prices is valid")
    }

    /// Reads a table in the form of the shipped one.
    pub fn parse(json: &str) -> Result<Self, PriceTableError> {
        let Self { source, date, models } = serde_json::from_str(json)?;
        Self::of(source, date, models)
    }

    pub(crate) fn of(source: String, date: String, models: BTreeMap<String, Rates>) -> Result<Self, PriceTableError> {
        for (model, rates) in &models {
            rates.check(model)?;
        }
        Ok(Self { source, date, models })
    }

    /// The table in the form of the shipped one, a line for each model.
    #[expect(clippy::missing_panics_doc, reason = "texts and finite numbers always have a JSON form")]
    pub fn to_json(&self) -> String {
        let model = |(name, rates): (&String, &Rates)| {
            let rates = serde_json::to_string(rates).expect("rates are finite numbers");
            format!(" {}: {rates}", Value::from(name.as_str()))
        };
        let models: Vec<String> = self.models.iter().map(model).collect();
        let (source, date) = (Value::from(self.source.as_str()), Value::from(self.date.as_str()));
        format!("{{\"source\": {source},\n \"date\": {date},\n \"models\": {{\n{}\n}}}}\n", models.join(",\n"))
    }

    /// Adds a model, or replaces its rates.
    pub fn set(&mut self, model: &str, rates: Rates) -> Result<(), PriceTableError> {
        rates.check(model)?;
        self.models.insert(model.to_owned(), rates);
        Ok(())
    }

    /// How the prices differ from an older table's.
    pub fn changes_since(&self, before: &Self) -> PriceChanges {
        let known = |table: &Self, name: &String| table.models.contains_key(name);
        PriceChanges {
            new: self.models.keys().filter(|name| !known(before, name)).count(),
            gone: before.models.keys().filter(|name| !known(self, name)).count(),
            other: self
                .models
                .iter()
                .filter(|(name, rates)| before.models.get(*name).is_some_and(|it| it != *rates))
                .count(),
        }
    }

    /// The number of models.
    pub fn len(&self) -> usize {
        self.models.len()
    }

    /// Whether no model has a price.
    pub fn is_empty(&self) -> bool {
        self.models.is_empty()
    }

    /// The rates of a model, by its name or by what clouds and proxies call it.
    pub fn rates(&self, model: &str) -> Option<&Rates> {
        spellings(model).into_iter().find_map(|name| self.models.get(&name))
    }
}

/// The names under which a model may be in the table, the most exact first.
///
/// `anthropic/claude-x`, `models/gemini-x`, `us.anthropic.claude-x-20250929-v1:0` (Bedrock), `claude-x@20250929`
/// (Vertex), `claude-x-20250929` and `gpt-x-2025-09-29` (dated), `claude-x[1m]` (Claude Code).
fn spellings(model: &str) -> Vec<String> {
    let mut name = model.rsplit('/').next().unwrap_or(model).to_ascii_lowercase();
    let mut names = vec![model.to_owned(), name.clone()];
    if let Some(plain) = name.split('[').next().filter(|plain| plain.len() < name.len()) {
        name = plain.to_owned();
    }
    for maker in ["anthropic.", "mistral.", "deepseek."] {
        if let Some((_, rest)) = name.split_once(maker) {
            name = rest.to_owned();
        }
    }
    let unversioned = name.split(':').next().unwrap_or_default();
    let unversioned =
        unversioned.strip_suffix("-v1").or_else(|| unversioned.strip_suffix("-v2")).unwrap_or(unversioned);
    let unversioned = unversioned.replace('@', "-");
    names.push(name);
    names.push(unversioned.clone());
    names.extend(without_date(&unversioned).map(str::to_owned));
    names.dedup();
    names
}

fn without_date(name: &str) -> Option<&str> {
    let digits = |text: &str, count| text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    let (rest, last) = name.rsplit_once('-')?;
    if digits(last, 8) || last == "latest" {
        return Some(rest);
    }
    let (rest, month) = rest.rsplit_once('-')?;
    let (rest, year) = rest.rsplit_once('-')?;
    (digits(last, 2) && digits(month, 2) && digits(year, 4)).then_some(rest)
}

/// What one token of each class costs in one request.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Each {
    input: f64,
    output: f64,
    read: f64,
    write: f64,
    write_1h: f64,
    search: f64,
}

impl Rates {
    fn check(&self, model: &str) -> Result<(), PriceTableError> {
        let own = [Some(self.input), Some(self.output), self.read, self.write, self.write_1h, self.search];
        let priority = self.priority.iter().flat_map(|it| [it.input, it.output, it.read, it.write, it.write_1h]);
        let above = self.above.iter().flat_map(|it| [it.input, it.output, it.read, it.write, it.write_1h]);
        let times = self.times.values().map(|factor| Some(*factor));
        match own
            .into_iter()
            .chain(priority)
            .chain(above)
            .chain(times)
            .flatten()
            .find(|rate| !(0.0..=MAX_RATE).contains(rate))
        {
            Some(rate) => Err(PriceTableError::Rate { model: model.to_owned(), rate }),
            None => Ok(()),
        }
    }

    /// What the tokens cost.
    pub fn cost(&self, tokens: &Tokens, tier: Tier, asks: &[String]) -> Amount {
        let each = self.each(tokens.all_input(), tier, asks);
        cost(&each, tokens)
    }

    /// The most that so many input tokens and searches can cost, each at the dearest rate that may apply.
    pub(crate) fn input_bound(&self, input: u64, searches: u64, tier: Tier, asks: &[String]) -> Amount {
        let each = self.dearest(input, tier, asks);
        let dearest = [each.input, each.read, each.write, each.write_1h].into_iter().fold(0.0, f64::max);
        unit(dearest).times(input) + dollars(each.search).times(searches)
    }

    /// The most that a token of output can cost in a request of at most so much input.
    pub(crate) fn output_rate(&self, input: u64, tier: Tier, asks: &[String]) -> Amount {
        unit(self.dearest(input, tier, asks).output)
    }

    /// The dearest rates that a request of at most `input` tokens can have: a cheaper model may cost more below a
    /// threshold than above it.
    fn dearest(&self, input: u64, tier: Tier, asks: &[String]) -> Each {
        let mut each = self.each(0, tier, asks);
        for above in self.above.iter().filter(|above| input > above.tokens) {
            let long = self.each(above.tokens + 1, tier, asks);
            each = Each {
                input: each.input.max(long.input),
                output: each.output.max(long.output),
                read: each.read.max(long.read),
                write: each.write.max(long.write),
                write_1h: each.write_1h.max(long.write_1h),
                search: each.search,
            };
        }
        each
    }

    fn each(&self, input: u64, tier: Tier, asks: &[String]) -> Each {
        let priority = self.priority.as_ref().filter(|_| tier == Tier::Priority);
        let above = self.above.iter().filter(|above| input > above.tokens).max_by_key(|above| above.tokens);
        // A tier beside a threshold: each replaces the plain rate, and the dearer of the two holds.
        let rate = |own: f64, priority: Option<f64>, above: Option<f64>| match (priority, above) {
            (Some(priority), Some(above)) => priority.max(above),
            (Some(one), None) | (None, Some(one)) => one,
            (None, None) => own,
        };
        let factor: f64 = asks.iter().filter_map(|asked| self.times.get(asked)).product();
        let own_read = self.read.unwrap_or(self.input);
        let own_write = self.write.unwrap_or(self.input);
        let write = rate(own_write, priority.and_then(|it| it.write), above.and_then(|it| it.write));
        let own_write_1h = self.write_1h.unwrap_or(own_write);
        let write_1h = rate(own_write_1h, priority.and_then(|it| it.write_1h), above.and_then(|it| it.write_1h));
        Each {
            input: factor * rate(self.input, priority.and_then(|it| it.input), above.and_then(|it| it.input)),
            output: factor * rate(self.output, priority.and_then(|it| it.output), above.and_then(|it| it.output)),
            read: factor * rate(own_read, priority.and_then(|it| it.read), above.and_then(|it| it.read)),
            write: factor * write,
            write_1h: factor * write_1h.max(write),
            search: self.search.unwrap_or(DEAREST_SEARCH),
        }
    }
}

fn cost(each: &Each, tokens: &Tokens) -> Amount {
    unit(each.input).times(tokens.input)
        + unit(each.output).times(tokens.output)
        + unit(each.read).times(tokens.cache_read)
        + unit(each.write).times(tokens.cache_write)
        + unit(each.write_1h).times(tokens.cache_write_1h)
        + dollars(each.search).times(tokens.searches)
}

/// One token, from dollars for a million. Rates are checked to be from 0 to a million.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn unit(per_million: f64) -> Amount {
    Amount((per_million * 1e6).round() as u64)
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn dollars(dollars: f64) -> Amount {
    Amount((dollars * 1e12).round() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opus() -> (PriceTable, Rates) {
        let table = PriceTable::shipped();
        let rates = table.rates("claude-opus-5-5").unwrap().clone();
        (table, rates)
    }

    #[test]
    fn the_shipped_table_is_valid_and_dated() {
        let table = PriceTable::shipped();
        assert!(table.len() > 200 && table.date.starts_with("20"), "{} {}", table.len(), table.date);
    }

    #[test]
    fn a_request_is_priced_to_the_last_digit() {
        // Claude Code booked 25,077 tokens written to the cache for five minutes and less, and 84 tokens of output.
        let (_, rates) = opus();
        let tokens = Tokens { input: 77, cache_write: 25_000, output: 84, ..Tokens::default() };
        let cost = rates.cost(&tokens, Tier::Default, &[]);
        assert_eq!(cost, Amount((77 * 4_000_000) + (25_000 * 5_000_000) + (84 * 20_000_000)));
    }

    #[test]
    fn a_model_is_found_by_what_clouds_and_proxies_call_it() {
        let (table, rates) = opus();
        for name in [
            "claude-opus-5-5",
            "anthropic/claude-opus-5-5",
            "claude-opus-5-5[1m]",
            "claude-opus-5-5-20261101",
            "claude-opus-5-5@20261101",
            "us.anthropic.claude-opus-5-5-20261101-v1:0",
            "openrouter/anthropic/claude-opus-5-5",
            "claude-opus-5-5-latest",
        ] {
            assert_eq!(table.rates(name), Some(&rates), "{name}");
        }
        assert_eq!(table.rates("models/gemini-2.5-pro").is_some(), table.rates("gemini-2.5-pro").is_some());
        for name in ["", "claude", "claude-opus-5-5-cheap", "my-model"] {
            assert_eq!(table.rates(name), None, "{name}");
        }
    }

    #[test]
    fn the_bound_is_never_below_the_cost() {
        let table = PriceTable::shipped();
        let mut classes = 0;
        for (name, rates) in &table.models {
            for total in [1, 90_000, 150_000, 250_000, 300_000, 900_000] {
                for tier in [Tier::Default, Tier::Priority] {
                    for class in 0..4 {
                        let mut tokens = Tokens { output: 1000, ..Tokens::default() };
                        *[
                            &mut tokens.input,
                            &mut tokens.cache_read,
                            &mut tokens.cache_write,
                            &mut tokens.cache_write_1h,
                        ][class] = total;
                        let asks = ["fast".to_owned(), "us".to_owned()];
                        let cost = rates.cost(&tokens, tier, &asks);
                        let bound = rates.input_bound(total, 0, tier, &asks)
                            + rates.output_rate(total, tier, &asks).times(1000);
                        assert!(cost <= bound, "{name} {total} {tier:?} {class}: {cost} > {bound}");
                        classes += 1;
                    }
                }
            }
        }
        assert!(classes > 10_000);
    }

    #[test]
    fn a_rate_that_is_no_rate_is_refused() {
        for rate in ["-1", "1e7"] {
            let json = format!(
                r#"{{"source": "x", "date": "2026-01-01", "models": {{"m": {{"input": {rate}, "output": 1}}}}}}"#
            );
            let error = PriceTable::parse(&json).unwrap_err().to_string();
            assert!(error.contains("`m`"), "{error}");
        }
        assert!(PriceTable::parse(r#"{"models": {}}"#).is_err());
    }
}
