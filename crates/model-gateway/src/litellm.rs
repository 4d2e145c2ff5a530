//! The cut of LiteLLM's table of prices, `model_prices_and_context_window.json`, of which the gateway reads a part: the
//! models for text of a few providers.
//!
//! <https://github.com/BerriAI/litellm/blob/main/model_prices_and_context_window.json>

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::price::{Above, Partial, PriceTable, PriceTableError, Rates};

const PROVIDERS: [&str; 6] = ["anthropic", "openai", "gemini", "xai", "deepseek", "mistral"];
const MODES: [&str; 2] = ["chat", "responses"];
/// What the licence wants said wherever the table goes.
const SOURCE: &str = "LiteLLM, model_prices_and_context_window.json, MIT License, Copyright (c) 2023 Berri AI";
/// Thresholds for which the table has rates, in thousands of input tokens.
const THRESHOLDS: [u64; 4] = [100, 128, 200, 272];
const FACTORS: [&str; 2] = ["fast", "us"];

impl PriceTable {
    /// Cuts LiteLLM's table; `date` is the day that it is from. An error where it is something else, or holds no model that
    /// the gateway could price.
    pub fn of_litellm(json: &str, date: chrono::NaiveDate) -> Result<Self, PriceTableError> {
        let entries: Map<String, Value> = serde_json::from_str(json)?;
        let kept = entries.iter().filter(|(_, entry)| is_kept(entry));
        let mut models = BTreeMap::new();
        for (name, entry) in kept {
            let plain = name.split_once('/').map(|(_, plain)| plain);
            if plain.is_some_and(|plain| models.contains_key(plain)) {
                // Its own entry says more than that of a reseller.
                continue;
            }
            if let Some(rates) = (Entry { model: name, entry }).rates()? {
                models.insert(plain.unwrap_or(name).to_owned(), rates);
            }
        }
        if models.is_empty() {
            return Err(PriceTableError::NoModels { providers: PROVIDERS.join(", ") });
        }
        Self::of(SOURCE.to_owned(), date.to_string(), models)
    }
}

fn is_kept(entry: &Value) -> bool {
    let is_one_of = |key: &str, known: &[&str]| entry[key].as_str().is_some_and(|value| known.contains(&value));
    is_one_of("mode", &MODES) && is_one_of("litellm_provider", &PROVIDERS)
}

/// One model of the table.
struct Entry<'a> {
    model: &'a str,
    entry: &'a Value,
}

impl Entry<'_> {
    /// `None` where the table does not say what the model costs.
    fn rates(&self) -> Result<Option<Rates>, PriceTableError> {
        let own = self.partial("")?;
        let (Some(input), Some(output)) = (own.input, own.output) else { return Ok(None) };
        let reasoning = self.per_million("output_cost_per_reasoning_token", "")?;
        let mut above = Vec::new();
        for thousands in THRESHOLDS {
            let Partial { input, output, read, write, write_1h } =
                self.partial(&format!("_above_{thousands}k_tokens"))?;
            if [input, output, read, write, write_1h].iter().any(Option::is_some) {
                above.push(Above { tokens: thousands * 1000, input, output, read, write, write_1h });
            }
        }
        let searches = self.entry["search_context_cost_per_query"].as_object().into_iter().flat_map(Map::values);
        let factors = FACTORS.iter().filter_map(|name| {
            let factor = self.entry["provider_specific_entry"][*name].as_f64()?;
            Some(((*name).to_owned(), factor))
        });
        Ok(Some(Rates {
            input,
            output: reasoning.map_or(output, |reasoning| output.max(reasoning)),
            read: own.read,
            write: own.write,
            write_1h: own.write_1h,
            search: searches.filter_map(Value::as_f64).reduce(f64::max),
            priority: Some(self.partial("_priority")?).filter(|priority| *priority != Partial::default()),
            above,
            times: factors.collect(),
        }))
    }

    fn partial(&self, suffix: &str) -> Result<Partial, PriceTableError> {
        let hours = [
            self.per_million("cache_creation_input_token_cost_above_1hr", suffix)?,
            self.per_million("cache_creation_input_token_cost_above_12hr", suffix)?,
        ];
        Ok(Partial {
            input: self.per_million("input_cost_per_token", suffix)?,
            output: self.per_million("output_cost_per_token", suffix)?,
            read: self.per_million("cache_read_input_token_cost", suffix)?,
            write: self.per_million("cache_creation_input_token_cost", suffix)?,
            write_1h: hours.into_iter().flatten().reduce(f64::max),
        })
    }

    /// US dollars for a million tokens, to ten digits. The table writes 0 for what it does not know.
    fn per_million(&self, key: &str, suffix: &str) -> Result<Option<f64>, PriceTableError> {
        let key = format!("{key}{suffix}");
        let each = match &self.entry[&key] {
            Value::Null => return Ok(None),
            value => value.as_f64().ok_or_else(|| PriceTableError::NoNumber { model: self.model.to_owned(), key })?,
        };
        let rounded = format!("{:.9e}", each * 1e6).parse().unwrap_or(each * 1e6);
        Ok(Some(rounded).filter(|rate| *rate != 0.0))
    }
}

#[cfg(test)]
mod tests {
    use chrono::NaiveDate;
    use serde_json::json;

    use super::*;

    fn cut(table: &Value) -> Result<PriceTable, PriceTableError> {
        PriceTable::of_litellm(&table.to_string(), NaiveDate::from_ymd_opt(2026, 12, 1).unwrap())
    }

    fn table() -> Value {
        json!({
            "sample_spec": { "mode": "one of: chat, embedding", "litellm_provider": "one of …", "input_cost_per_token": 0.0 },
            "claude-x": {
                "mode": "chat", "litellm_provider": "anthropic",
                "input_cost_per_token": 5e-06, "output_cost_per_token": 2.5e-05,
                "cache_read_input_token_cost": 5e-07, "cache_creation_input_token_cost": 6.25e-06,
                "cache_creation_input_token_cost_above_1hr": 1e-05,
                "input_cost_per_token_above_200k_tokens": 1e-05, "input_cost_per_token_priority": 7e-06,
                "search_context_cost_per_query": { "search_context_size_low": 0.01, "search_context_size_high": 0.02 },
                "provider_specific_entry": { "us": 1.1, "other": 3 },
            },
            "gemini/gemini-x": {
                "mode": "chat", "litellm_provider": "gemini",
                "input_cost_per_token": 1e-06, "output_cost_per_token": 2e-06, "output_cost_per_reasoning_token": 3e-06,
            },
            "bedrock/claude-x": {
                "mode": "chat", "litellm_provider": "bedrock", "input_cost_per_token": 9e-06, "output_cost_per_token": 9e-06,
            },
            "xai/claude-x": {
                "mode": "chat", "litellm_provider": "xai", "input_cost_per_token": 9e-06, "output_cost_per_token": 9e-06,
            },
            "embedding-x": { "mode": "embedding", "litellm_provider": "openai", "input_cost_per_token": 1e-06 },
            "free-x": { "mode": "chat", "litellm_provider": "openai", "input_cost_per_token": 0, "output_cost_per_token": 0 },
        })
    }

    #[test]
    fn the_cut_has_the_models_for_text_with_their_rates_date_and_licence() {
        let cut = cut(&table()).unwrap();
        assert_eq!((cut.len(), cut.date.as_str()), (2, "2026-12-01"));
        assert!(cut.source.contains("MIT License, Copyright"), "{}", cut.source);
        let claude = Rates {
            input: 5.0,
            output: 25.0,
            read: Some(0.5),
            write: Some(6.25),
            write_1h: Some(10.0),
            search: Some(0.02),
            priority: Some(Partial { input: Some(7.0), ..Partial::default() }),
            above: vec![Above {
                tokens: 200_000,
                input: Some(10.0),
                output: None,
                read: None,
                write: None,
                write_1h: None,
            }],
            times: BTreeMap::from([("us".to_owned(), 1.1)]),
        };
        assert_eq!(cut.rates("claude-x"), Some(&claude));
        assert_eq!(cut.rates("gemini-x").map(|rates| rates.output), Some(3.0), "thoughts are output too");
    }

    #[test]
    fn a_cut_is_read_as_it_was_written() {
        for cut in [cut(&table()).unwrap(), PriceTable::shipped()] {
            assert_eq!(PriceTable::parse(&cut.to_json()).unwrap(), cut);
        }
        assert_eq!(cut(&table()).unwrap().to_json().lines().count(), 6, "a line for each model");
    }

    #[test]
    fn what_is_no_such_table_is_refused_with_the_reason() {
        let with = |change: fn(&mut Value)| {
            let mut table = table();
            change(&mut table);
            cut(&table).unwrap_err().to_string()
        };
        assert!(PriceTable::of_litellm("<html>", NaiveDate::MIN).is_err());
        for other in [json!([]), json!({}), json!({ "models": { "m": { "input": 1 } } })] {
            assert!(cut(&other).is_err(), "{other}");
        }
        let said = with(|table| table["claude-x"]["input_cost_per_token"] = json!("cheap"));
        assert!(said.contains("`claude-x`") && said.contains("input_cost_per_token"), "{said}");
        let said = with(|table| table["claude-x"]["output_cost_per_token"] = json!(-0.1));
        assert!(said.contains("`claude-x`"), "{said}");
        let said = with(|table| table["claude-x"]["output_cost_per_token"] = json!(25));
        assert!(said.contains("`claude-x`"), "dollars for a million in place of one: {said}");
    }
}
