//! `adjutant prices update`: a newer table of prices out of a file.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use model_gateway::PriceTable;
use serde_json::{Value, json};

/// The exit status, and what it says.
fn update(file: &Path, variables: &[(&str, &str)]) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_adjutant"));
    command.args(["prices", "update"]).arg(file).env_clear().envs(variables.iter().copied());
    let output = command.output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8(said).unwrap())
}

fn model(input: f64) -> Value {
    json!({ "mode": "chat", "litellm_provider": "anthropic", "input_cost_per_token": input, "output_cost_per_token": 2e-05 })
}

/// Writes a table that is from this day after the first of 1970.
fn write(path: &Path, table: &str, day: u64) {
    std::fs::write(path, table).unwrap();
    let modified = SystemTime::UNIX_EPOCH + Duration::from_hours(24 * day);
    std::fs::File::options().write(true).open(path).unwrap().set_modified(modified).unwrap();
}

/// The rate of a model's input in the file that was written.
fn rate(prices: &Path, model: &str) -> Option<f64> {
    let table = PriceTable::parse(&std::fs::read_to_string(prices).unwrap()).unwrap();
    table.rates(model).map(|rates| rates.input)
}

#[test]
fn a_newer_table_is_written_into_the_data_folder_with_what_changed() {
    let folder = tempfile::tempdir().unwrap();
    let table = folder.path().join("model_prices_and_context_window.json");
    let (data, prices) = (folder.path().display().to_string(), folder.path().join("prices.json"));
    let variables = [("ADJUTANT_DATA_DIR", data.as_str())];
    write(&table, &json!({ "claude-x": model(5e-06), "claude-y": model(1e-06) }).to_string(), 36_500);
    let (status, said) = update(&table, &variables);
    assert_eq!(status, 0, "{said}");
    assert!(said.contains("prices.json: 2 models, dated 2069-12-07\n2 new, "), "{said}");
    let written = std::fs::read_to_string(&prices).unwrap();
    assert!(written.contains("MIT License, Copyright (c) 2023 Berri AI"), "{written}");
    assert_eq!(rate(&prices, "claude-x"), Some(5.0));

    write(&table, &json!({ "claude-x": model(6e-06) }).to_string(), 36_501);
    let (_, said) = update(&table, &variables);
    assert!(said.contains("0 new, 1 gone, 1 with other prices than before (2069-12-07)"), "{said}");
    assert_eq!((rate(&prices, "claude-x"), rate(&prices, "claude-y")), (Some(6.0), None));
}

#[test]
fn what_is_no_such_table_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (table, prices) = (folder.path().join("table.json"), folder.path().join("mine.json"));
    let named = prices.display().to_string();
    let variables = [("ADJUTANT_PRICE_TABLE", named.as_str())];
    write(&table, &json!({ "claude-x": model(5e-06) }).to_string(), 36_500);
    assert_eq!(update(&table, &variables).0, 0, "the file need not be there");
    let before = std::fs::read_to_string(&prices).unwrap();
    for (text, reason) in [
        ("<html>404</html>".to_owned(), "expected value"),
        (r#"{"claude-x": {"mode": "chat""#.to_owned(), "EOF"),
        (json!({ "claude-x": model(5.0) }).to_string(), "the model `claude-x` the rate 5000000"),
        (json!({ "other-x": { "mode": "chat", "litellm_provider": "other" } }).to_string(), "no model with a price of"),
        (before.clone(), "no model with a price of"),
    ] {
        write(&table, &text, 36_501);
        let (status, said) = update(&table, &variables);
        assert_eq!(status, 1, "{said}");
        assert!(said.contains(reason) && said.contains("nothing was changed"), "{said}");
    }
    assert_eq!(update(&folder.path().join("missing.json"), &variables).0, 1);
    let (status, said) = update(&table, &[("ADJUTANT_PRICE_TABLE", "/dev/null/prices.json")]);
    assert_eq!(status, 1, "{said}");
    assert_eq!(std::fs::read_to_string(&prices).unwrap(), before);
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().flatten().map(|entry| entry.file_name()).collect();
    assert_eq!(left.len(), 2, "{left:?}");
}
