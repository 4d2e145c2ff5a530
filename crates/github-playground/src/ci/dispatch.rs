//! The inputs of a workflow dispatch: defaults, types and errors.
//! <https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#onworkflow_dispatchinputs>

use serde_json::{Map, Value, json};

use super::WorkflowFile;

/// The inputs of a run, checked and filled in.
pub(crate) type Dispatch = Map<String, Value>;

/// Why a workflow is not run with these inputs, in GitHub's words.
#[derive(Debug)]
pub(crate) struct DispatchError(pub(crate) String);

impl WorkflowFile {
    /// Checks the given inputs against the file's declarations.
    pub(crate) fn dispatch(&self, given: &Map<String, Value>) -> Result<Dispatch, DispatchError> {
        let refuse = |message: String| Err(DispatchError(message));
        let Some(told) = self.on.get("workflow_dispatch") else {
            return refuse("Workflow does not have 'workflow_dispatch' trigger".to_owned());
        };
        let declared = told.get("inputs").and_then(Value::as_object).cloned().unwrap_or_default();
        let unexpected: Vec<&String> = given.keys().filter(|name| !declared.contains_key(*name)).collect();
        if !unexpected.is_empty() {
            return refuse(format!("Unexpected inputs provided: {}", json!(unexpected)));
        }
        let mut inputs = Dispatch::new();
        for (name, input) in &declared {
            let value = match given.get(name) {
                Some(value) => plain(value),
                None if input["required"] == json!(true) && input["default"].is_null() => {
                    return refuse(format!("Required input '{name}' not provided"));
                }
                None if input["default"].is_null() => continue,
                None => plain(&input["default"]),
            };
            check(name, input, &value)?;
            inputs.insert(name.clone(), json!(value));
        }
        Ok(inputs)
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn check(name: &str, input: &Value, value: &str) -> Result<(), DispatchError> {
    let fits = match input["type"].as_str() {
        Some("boolean") => ["true", "false"].contains(&value),
        Some("number") => value.parse::<f64>().is_ok(),
        Some("choice") => {
            let options = input["options"].as_array();
            let among = options.is_some_and(|options| options.iter().any(|option| plain(option) == value));
            if !among {
                let message = format!("Provided value '{value}' for input '{name}' not in the list of allowed values");
                return Err(DispatchError(message));
            }
            true
        }
        _ => true,
    };
    if fits { Ok(()) } else { Err(DispatchError(format!("Invalid value for input '{name}'"))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(given: &Value) -> String {
        let text = "on:\n  workflow_dispatch:\n    inputs:\n      who: { required: true }\n      how: { default: fast }\n      \
                    loud: { type: boolean }\n      kind: { type: choice, options: [a, b] }\njobs: { a: { runs-on: x } }\n";
        let file = WorkflowFile::parse("d.yml", text).unwrap();
        match file.dispatch(given.as_object().unwrap()) {
            Ok(inputs) => Value::Object(inputs).to_string(),
            Err(DispatchError(message)) => message,
        }
    }

    #[test]
    fn inputs_are_held_against_their_declaration() {
        assert_eq!(refusal(&json!({})), "Required input 'who' not provided");
        assert_eq!(refusal(&json!({ "who": "me", "x": 1 })), "Unexpected inputs provided: [\"x\"]");
        assert_eq!(refusal(&json!({ "who": "me", "loud": "maybe" })), "Invalid value for input 'loud'");
        assert!(refusal(&json!({ "who": "me", "kind": "c" })).contains("not in the list of allowed values"));
        assert_eq!(refusal(&json!({ "who": "me", "loud": true })), r#"{"how":"fast","loud":"true","who":"me"}"#);
    }
}
