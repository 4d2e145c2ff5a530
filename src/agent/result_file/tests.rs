use proptest::prelude::*;

use super::*;

#[test]
fn an_empty_object_is_a_result_and_unknown_fields_are_ignored() {
    assert_eq!(ResultFile::parse(b" {}").unwrap(), ResultFile::default());
    let result = ResultFile::parse(
        b"\xef\xbb\xbf{\"summary\":\"done\",\"cost_usd\":0.25,\"usage\":{\"input_tokens\":3},\"later\":[1]}",
    )
    .unwrap();
    assert_eq!(
        (result.summary.as_str(), result.said_cost().unwrap(), result.usage.unwrap().input_tokens),
        ("done", Usd::from_dollars(0.25), 3)
    );
}

#[test]
fn wrong_values_are_refused_with_the_reason() {
    let cases: [(&str, &str); 24] = [
        ("", "not valid"),
        ("[]", "not a JSON object"),
        (r#"{"cost_usd":-0.5}"#, "`cost_usd` is -0.5; it must be a number from 0 to 10000"),
        (r#"{"cost_usd":1e308}"#, "`cost_usd` is 1e308"),
        (r#"{"cost_usd":10000.01}"#, "`cost_usd` is 10000.01"),
        (r#"{"cost_usd":9223372036854775807}"#, "`cost_usd` is 9.2"),
        (r#"{"cost_usd":NaN}"#, "not valid"),
        (r#"{"cost_usd":1e999}"#, "not valid"),
        (r#"{"cost_usd":"4.0"}"#, "not valid"),
        (r#"{"summary":7}"#, "not valid"),
        (r#"{"usage":{"input_tokens":-1}}"#, "not valid"),
        (r#"{"usage":{"input_tokens":1e308}}"#, "not valid"),
        (r#"{"usage":{"input_tokens":18446744073709551615}}"#, "`usage.input_tokens` is 18446744073709551615"),
        (r#"{"usage":{"output_tokens":1000000000001}}"#, "`usage.output_tokens` is 1000000000001"),
        (r#"{"judgement":{"score":1.5}}"#, "judgement.score"),
        (r#"{"judgement":{"score":-1e-300}}"#, "judgement.score"),
        (r#"{"judgement":{"score":"1"}}"#, "not valid"),
        (r#"{"error":"no"}"#, "not valid"),
        (r#"{"error":{"kind":"rate_limit"}}"#, "expected one of `auth`, `quota`"),
        (r#"{"error":{"kind":"quota","retry_after":-1}}"#, "not valid"),
        (r#"{"error":{"kind":"quota","retry_after":2678401}}"#, "`error.retry_after` is 2678401"),
        (r#"{"summary":"half"#, "not valid"),
        (r#"{"summary":"a"} {}"#, "not valid"),
        (
            r#"{"plan":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["#,
            "nested more than 64 levels",
        ),
    ];
    for (text, reason) in cases {
        let error = ResultFile::parse(text.as_bytes()).unwrap_err();
        assert!(error.contains(reason), "{text}: {error}");
    }
    assert_eq!(ResultFile::parse(br#"{"cost_usd":1e-300}"#).unwrap().said_cost(), Some(Usd::ZERO));
}

#[test]
fn an_error_is_a_sentence_and_a_session_is_kept_whole_or_not_at_all() {
    let message = format!("no\u{1b}]0;x\u{7}\n\u{202e}room {}", "x".repeat(600));
    let parse = |session: &str| {
        let file = json!({ "error": { "message": message }, "session": session });
        ResultFile::parse(file.to_string().as_bytes()).unwrap()
    };
    let result = parse("0199-abc");
    let error = result.error.unwrap();
    assert_eq!((error.kind, error.retry_after), (AgentErrorKind::Tool, None));
    assert!(error.message.starts_with("no room xxx") && error.message.chars().count() == 501, "{}", error.message);
    assert_eq!(result.session.as_deref(), Some("0199-abc"));
    for session in ["", " ", "a\nb", &"s".repeat(201)] {
        assert_eq!(parse(session).session, None);
    }
}

#[test]
fn at_most_three_questions_are_asked_and_a_default_may_be_a_letter() {
    let question = |text: &str, default: Value| json!({ "text": text, "options": ["metres", " ", "feet"], "default": default, "why": "x".repeat(600) });
    let list = json!({ "question": [
        question(" ", json!("a")),
        question("Unit?", json!("b")),
        question("Digits?", json!("as many as fit")),
        question("Sign?", json!(null)),
        question("Too many?", json!("a")),
    ] });
    let questions = ResultFile::parse(list.to_string().as_bytes()).unwrap().questions();
    let told: Vec<_> = questions.iter().map(|it| (it.text.as_str(), it.default.as_deref())).collect();
    assert_eq!(told, [("Unit?", Some("feet")), ("Digits?", Some("as many as fit")), ("Sign?", None)]);
    assert_eq!((questions[0].options.len(), questions[0].why.chars().count()), (2, 501));
    assert!(ResultFile::parse(br#"{"question":{"text":"x"}}"#).is_err());
}

#[test]
fn a_file_of_brackets_is_refused_before_anything_is_built_of_it() {
    for open in ["[", "{\"plan\":", "{\"plan\":["] {
        let file = open.repeat(1024 * 1024 / open.len());
        assert!(ResultFile::parse(file.as_bytes()).unwrap_err().contains("nested more than"));
    }
}

#[test]
fn long_texts_are_cut_at_a_character() {
    let text = json!({ "summary": "é".repeat(5_000) }).to_string();
    assert_eq!(ResultFile::parse(text.as_bytes()).unwrap().summary.chars().count(), SUMMARY_CHARS + 1);
}

/// A result in which every text that the schema knows is `a`, and where those texts are.
fn filled(schema: &Value, texts: &mut Vec<String>, path: &str) -> Value {
    if let Some(any) = schema["anyOf"].as_array() {
        return filled(&any[0], texts, path);
    }
    if let Some(properties) = schema["properties"].as_object() {
        let members = properties.iter().map(|(name, of)| (name.clone(), filled(of, texts, &format!("{path}/{name}"))));
        return members.collect();
    }
    if schema["items"].is_object() {
        return json!([filled(&schema["items"], texts, &format!("{path}/0"))]);
    }
    let types: Vec<&str> = schema["type"]
        .as_str()
        .into_iter()
        .chain(schema["type"].as_array().into_iter().flatten().filter_map(Value::as_str))
        .collect();
    if types.contains(&"string") || schema["enum"].is_array() {
        texts.push(path.to_owned());
        return json!("a");
    }
    if types.contains(&"boolean") { json!(true) } else { json!(1) }
}

/// The fields are taken from the schema, so that a new one is covered.
#[test]
fn u_0000_and_half_characters_in_any_text_can_be_stored() {
    let mut texts = Vec::new();
    let mut file = filled(&result_schema(), &mut texts, "");
    file["error"]["kind"] = json!("tool");
    for known in [
        "/summary",
        "/plan/rationale",
        "/plan/steps/0/depends_on/0",
        "/judgement/criteria/0/evidence/0/file",
        "/evidence",
    ] {
        assert!(texts.iter().any(|text| text == known), "{known} is not in {texts:?}");
    }
    // It is a word of a list and no text.
    for path in texts.into_iter().filter(|path| path != "/error/kind") {
        let mut file = file.clone();
        *file.pointer_mut(&path).unwrap() = json!("MARK");
        for escape in ["\\u0000", "\\ud800", "\\udfff"] {
            let bytes = file.to_string().replace("MARK", &format!("x{escape}y"));
            let read = ResultFile::parse(bytes.as_bytes()).unwrap();
            let stored = serde_json::to_value(&read).unwrap();
            assert_eq!(stored.pointer(&path), Some(&json!("x\u{fffd}y")), "{path}");
            assert!(!stored.to_string().contains("\\u0000"));
        }
    }
}

proptest! {
    #[test]
    fn any_number_is_in_its_range_or_refused(bits in any::<u64>(), tokens in any::<u64>()) {
        let number = f64::from_bits(bits);
        for field in [json!({ "cost_usd": number }), json!({ "judgement": { "score": number } }), json!({ "usage": { "input_tokens": tokens } })] {
            if let Ok(read) = ResultFile::parse(field.to_string().as_bytes()) {
                let cost = read.said_cost().unwrap_or_default();
                prop_assert!(cost <= Usd::from_dollars(MAX_COST) && cost >= Usd::ZERO);
                prop_assert!(read.usage.unwrap_or_default().input_tokens <= MAX_TOKENS);
                let score = read.judgement.and_then(|judgement| judgement.score).unwrap_or(0.0);
                prop_assert!((0.0..=1.0).contains(&score));
            }
        }
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = ResultFile::parse(&bytes);
        let _ = ResultFile::parse(&[b"{\"summary\":\"", bytes.as_slice(), b"\"}"].concat());
    }
}
