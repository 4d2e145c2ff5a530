use super::*;

/// A text of this many characters, made of letters and digits as a token is.
fn made(length: usize) -> String {
    "a1B2c3D4e5F6g7H8i9J0kLmNoPqRsTuVwXyZ".chars().cycle().take(length).collect()
}

fn hexadecimal(length: usize) -> String {
    "0a1b2c3d4e5f6978".chars().cycle().take(length).collect()
}

/// One credential of each kind. They are put together here, so that no scanner takes this file for a leak.
fn credentials() -> Vec<String> {
    let long = || made(40);
    vec![
        format!("ghp_{}", long()),
        format!("gho_{}", long()),
        format!("ghu_{}", long()),
        format!("ghs_{}", long()),
        format!("ghr_{}", long()),
        format!("github_pat_{}", long()),
        format!("glpat-{}", made(20)),
        format!("sk-{}", long()),
        format!("sk-proj-{}", long()),
        format!("sk-ant-api03-{}", made(95)),
        format!("sk_live_{}", made(24)),
        format!("hf_{}", made(34)),
        format!("pypi-{}{}", "AgEIcHlwaS5vcmc", made(60)),
        format!("xoxb-123456789012-{}", made(24)),
        format!("xoxp-{}", made(24)),
        format!("xoxc-{}", made(24)),
        format!("dop_v1_{}", hexadecimal(64)),
        format!("SG.{}.{}", made(22), made(43)),
        format!("AKIA{}", "QYLPMN5HFIQR7XYA"),
        format!("ASIA{}", "QYLPMN5HFIQR7XYA"),
        format!("ya29.{}", made(60)),
        format!("AIza{}", made(35)),
        format!("npm_{}", made(36)),
        format!("SK{}", hexadecimal(32)),
        format!("1234567890:AA{}", made(33)),
        format!("eyJhbGciOiJIUzI1NiJ9.eyJ{}.{}", made(20), made(43)),
    ]
}

#[test]
fn credentials_are_found_and_redacted() {
    for token in credentials() {
        for text in [format!("x = \"{token}\";"), format!("f({token})"), token.clone()] {
            assert_eq!(scan(text.as_bytes(), &KnownSecrets::default()).len(), 1, "{text}");
            assert_eq!(redact(&text), text.replace(&token, "[redacted]"));
        }
    }
    let key = format!("a\n-----BEGIN RSA {0}-----\nMIIE\n-----END RSA {0}-----\nb", "PRIVATE KEY");
    assert_eq!(redact(&key), "a\n[redacted]\nb");
    let json = format!("{{\"k\": \"-----BEGIN {0}-----\\n{1}\\n-----END {0}-----\\n\"}}", "PRIVATE KEY", made(80));
    assert_eq!(redact(&json), "{\"k\": \"[redacted]\\n\"}");
}

#[test]
fn what_goes_with_a_credential_stays() {
    let password = made(12);
    let text = format!("postgres://app:{password}@db.acme.io/x");
    assert_eq!(redact(&text), "postgres://app:[redacted]@db.acme.io/x");
    let key = made(64);
    assert_eq!(redact(&format!("AccountName=a;AccountKey={key}==;")), "AccountName=a;AccountKey=[redacted];");
    let key = "wJalrXUtnFEMI7K7MDENGbPxRfiCYzB4dQ2sT9uV";
    assert_eq!(redact(&format!("aws_secret_access_key = {key}\n")), "aws_secret_access_key = [redacted]\n");
}

#[test]
fn ordinary_words_and_examples_are_left_alone() {
    for text in [
        "task-runner-for-2-many-things-at-once",
        "sk-short",
        "sk-learn-pipelines-are-quite-long-words",
        "ghs_ is a prefix",
        "-----BEGIN CERTIFICATE-----",
        "a_sk-b",
        "AKIAIOSFODNN7EXAMPLE",
        "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "sk_live_xxxxxxxxxxxxxxxxxxxxxxxx",
        "sk-your-key-0123456789abcdef01",
        "ghp_xxxxxxxxxxxxxxxxxxxx1xxxxxxxxxxxxxxx",
        "ghp_00000000000000000000000000000000000000",
        "postgres://user:password@db.acme.io/x",
        "postgres://postgres:postgres@localhost:5432/app",
        "https://x-access-token:${TOKEN}@github.com/a/b",
        "http://127.0.0.1:8080/a@b",
        "sha512-z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg==",
        "1f3870be274f6c49b3e31a0c6728957f8d6a1d5e",
    ] {
        assert_eq!(scan(text.as_bytes(), &KnownSecrets::default()), [], "{text}");
        assert_eq!(redact(text), text);
    }
}

#[test]
fn neither_utf_16_nor_a_nul_hides_a_credential() {
    let text = format!("first\r\nt = ghp_{}\r\n", made(40));
    let wide: Vec<u16> = text.encode_utf16().collect();
    let little = [&[0xff, 0xfe][..], &wide.iter().flat_map(|unit| unit.to_le_bytes()).collect::<Vec<_>>()].concat();
    let big = [&[0xfe, 0xff][..], &wide.iter().flat_map(|unit| unit.to_be_bytes()).collect::<Vec<_>>()].concat();
    let unmarked = little[2..].to_vec();
    let single = [&b"\0"[..], text.as_bytes()].concat();
    for bytes in [little, big, unmarked, single] {
        let found = scan(&bytes, &KnownSecrets::default());
        assert_eq!(found.len(), 1, "{bytes:?}");
        assert_eq!((found[0].line, &found[0].kind), (2, &Kind::Shape("a GitHub personal access token")));
    }
}

#[test]
fn text_that_is_no_ascii_is_redacted_by_whole_characters() {
    let token = format!("ghp_{}", made(36));
    assert_eq!(redact(&format!("é{token}é ü")), "é[redacted]é ü");
    assert_eq!(redact(&format!("{token} {token}")), "[redacted] [redacted]");
}

#[test]
fn a_file_full_of_words_of_rules_is_read_to_its_end() {
    let mut text = "ghp_ sk- xoxb- AKIA eyJ hf_ npm_ SG. :// -----BEGIN \n".repeat(4_000);
    assert_eq!(scan(text.as_bytes(), &KnownSecrets::default()), []);
    text.push_str(&format!("ghp_{}", made(40)));
    let found = scan(text.as_bytes(), &KnownSecrets::default());
    assert_eq!(found.iter().map(|it| it.line).collect::<Vec<_>>(), [4_001]);
    let many = format!("ghp_{}\n", made(40)).repeat(1_000);
    assert_eq!(scan(many.as_bytes(), &KnownSecrets::default()).len(), MOST);
}
