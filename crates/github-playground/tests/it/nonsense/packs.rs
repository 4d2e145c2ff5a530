//! Input that git would not send: lines of the wrong length, incomplete or corrupt packs, commands for impossible refs.

use base64::{Engine, engine::general_purpose::STANDARD};

use super::ground::Ground;
use super::raw::{Answer, send};

const ZERO: &str = "0000000000000000000000000000000000000000";

/// A pkt-line (gitprotocol-common(5)).
fn packet(text: &str) -> Vec<u8> {
    format!("{:04x}{text}", text.len() + 4).into_bytes()
}

fn command(old: &str, new: &str, name: &str, pack: &[u8]) -> Vec<u8> {
    let line = packet(&format!("{old} {new} {name}\0 report-status side-band-64k agent=nonsense"));
    [line, b"0000".to_vec(), pack.to_vec()].concat()
}

/// A pack of one object that is missing or incomplete.
fn packs() -> Vec<Vec<u8>> {
    let head = [b"PACK".as_slice(), &2u32.to_be_bytes(), &1u32.to_be_bytes()].concat();
    vec![
        Vec::new(),
        b"PACK".to_vec(),
        head.clone(),
        [head.clone(), vec![0x95, 0x0a]].concat(),
        [head.clone(), vec![0xff; 400]].concat(),
        [head.clone(), vec![0; 20]].concat(),
        [b"PACK".as_slice(), &9u32.to_be_bytes(), &u32::MAX.to_be_bytes(), &[0; 20]].concat(),
        b"not a pack at all".to_vec(),
    ]
}

async fn post(ground: &Ground, service: &str, encoding: &str, body: &[u8]) -> Answer {
    let kind = format!("application/x-{service}-request");
    let basic = format!("Basic {}", STANDARD.encode("x:playground-writer"));
    let mut headers = vec![("content-type", kind.as_str()), ("authorization", basic.as_str())];
    if !encoding.is_empty() {
        headers.push(("content-encoding", encoding));
    }
    send(ground.harness.playground.addr, &format!("POST /acme/widgets.git/{service}"), &headers, body).await
}

#[tokio::test]
async fn malformed_packets_and_packs_move_nothing() {
    let ground = Ground::prepare().await;
    let head = ground.harness.get("/git/ref/heads/main").await["object"]["sha"].as_str().unwrap().to_owned();
    let other = "1".repeat(40);
    let mut bodies: Vec<Vec<u8>> =
        ["", "0000", "0001", "0002", "0004", "zzzz", "00", "ffff", "fff0short", "0005", "0000000000000000"]
            .iter()
            .map(|text| text.as_bytes().to_vec())
            .collect();
    bodies.push(vec![0; 5_000]);
    bodies.push(packet("want nothing\n"));
    bodies.push([packet(&format!("want {other}\n")), b"0000".to_vec(), packet("done\n")].concat());
    bodies.push(packet("command=nonsense\n"));
    for pack in packs() {
        bodies.push(command(ZERO, &other, "refs/heads/new", &pack));
        bodies.push(command(&head, &other, "refs/heads/main", &pack));
    }
    for name in [
        "refs/heads/a..b",
        "refs/heads/a\nb",
        "refs/heads/\u{1b}[31m",
        "../../etc/passwd",
        "HEAD",
        "refs/pull/2/head",
        "",
    ] {
        bodies.push(command(ZERO, &head, name, b""));
    }
    bodies.push(command("x", "y", "refs/heads/new", b""));
    let before = ground.digest().await;
    for body in &bodies {
        for service in ["git-receive-pack", "git-upload-pack"] {
            for encoding in ["", "gzip"] {
                let answer = post(&ground, service, encoding, body).await;
                let shown = String::from_utf8_lossy(&body[..body.len().min(120)]).into_owned();
                assert!(answer.status < 500, "{service} {encoding} {shown:?}: {} {:?}", answer.head, answer.body);
            }
        }
    }
    assert_eq!(before, ground.digest().await, "something moved");
    let clone = ground.harness.clone_as("playground-writer").await;
    clone.git(&["fsck", "--strict"]).await.unwrap();
    clone.commit_on("after", "after.md", "Still here.\n").await;
    clone.git(&["push", "--quiet", "origin", "after"]).await.unwrap();
}

#[tokio::test]
async fn git_asks_for_credentials_and_hides_what_may_not_be_seen() {
    let ground = Ground::prepare().await;
    let address = ground.harness.playground.addr;
    let get = async |path: &str, headers: &[(&str, &str)]| send(address, &format!("GET {path}"), headers, b"").await;
    let refs = "/acme/widgets.git/info/refs?service=git-receive-pack";
    let anonymous = get(refs, &[]).await;
    assert_eq!(anonymous.status, 401);
    assert!(anonymous.head.to_lowercase().contains("www-authenticate: basic realm=\"github\""), "{}", anonymous.head);
    for wrong in ["Basic eDp3cm9uZw==", "Basic %%%", "Bearer nobody", "Nonsense", "Basic"] {
        assert_eq!(get(refs, &[("authorization", wrong)]).await.status, 401, "{wrong}");
    }
    for path in [
        "/acme/%2e%2e/info/refs?service=git-upload-pack",
        "/acme/..%2f..%2fetc/info/refs?service=git-upload-pack",
        "/acme/no%00thing.git/info/refs?service=git-upload-pack",
        "/acme/.git/info/refs?service=git-upload-pack",
        "/acme/widgets.git/info/refs?service=git-nonsense",
        "/acme/widgets.git/info/refs",
        "/acme/widgets.git/objects/info/packs",
        "/acme/widgets.git/HEAD",
        "/acme/widgets.git/config",
    ] {
        let status = get(path, &[("authorization", "Basic eDpwbGF5Z3JvdW5kLXdyaXRlcg==")]).await.status;
        assert!((400..500).contains(&status), "{path}: {status}");
    }
}
