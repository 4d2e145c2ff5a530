//! The private Postgres, with real processes.

use std::path::{Path, PathBuf};
use std::process::Command;

use adjutant::store::cluster::{Cluster, ClusterError, Durability};
use sqlx::{Connection, Executor, PgConnection};

use crate::support::{open_folder, until};

async fn start(folder: &Path) -> Cluster {
    Cluster::start_with(folder, Durability::Throwaway).await.unwrap()
}

async fn one(cluster: &Cluster) -> i32 {
    let mut connection = PgConnection::connect_with(&cluster.options()).await.unwrap();
    sqlx::query_scalar("SELECT 1").fetch_one(&mut connection).await.unwrap()
}

fn pid_file(folder: &Path) -> PathBuf {
    folder.join("postgres/data/postmaster.pid")
}

fn postmaster(folder: &Path) -> String {
    let text = std::fs::read_to_string(pid_file(folder)).unwrap();
    text.lines().next().unwrap().to_owned()
}

fn kill_9(pid: &str) {
    assert!(Command::new("kill").args(["-9", pid]).status().unwrap().success());
}

#[tokio::test]
async fn data_survives_a_stop_and_a_start() {
    let folder = open_folder();
    let cluster = start(folder.path()).await;
    assert!(cluster.launched());
    let mut connection = PgConnection::connect(&cluster.url()).await.unwrap();
    connection.execute("CREATE TABLE kept AS SELECT 7 AS seven").await.unwrap();
    cluster.stop().await.unwrap();
    assert!(!pid_file(folder.path()).exists());

    let cluster = start(folder.path()).await;
    let mut connection = PgConnection::connect_with(&cluster.options()).await.unwrap();
    let seven: i32 = sqlx::query_scalar("SELECT seven FROM kept").fetch_one(&mut connection).await.unwrap();
    assert_eq!(seven, 7);
}

#[tokio::test]
async fn nobody_reaches_the_server_over_the_network() {
    let folder = open_folder();
    let cluster = start(folder.path()).await;
    let mut connection = PgConnection::connect_with(&cluster.options()).await.unwrap();
    let addresses: String = sqlx::query_scalar("SHOW listen_addresses").fetch_one(&mut connection).await.unwrap();
    assert_eq!(addresses, "");
    let socket = folder.path().join("postgres/socket");
    let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(socket).unwrap());
    assert_eq!(mode & 0o777, 0o700);
}

#[tokio::test]
async fn two_processes_share_a_server_and_the_last_one_stops_it() {
    let folder = open_folder();
    let first = start(folder.path()).await;
    let second = start(folder.path()).await;
    assert!(first.launched());
    assert!(!second.launched());
    first.stop().await.unwrap();
    assert_eq!(one(&second).await, 1);
    second.stop().await.unwrap();
    assert!(!pid_file(folder.path()).exists());
}

#[tokio::test]
async fn two_first_starts_at_once_make_one_cluster() {
    let folder = open_folder();
    // The leftovers of an interrupted start do not matter.
    std::fs::create_dir_all(folder.path().join("postgres/data.unfinished/base")).unwrap();
    let (first, second) = tokio::join!(start(folder.path()), start(folder.path()));
    assert_ne!(first.launched(), second.launched(), "one launches the server and the other joins it");
    assert_eq!(one(&first).await + one(&second).await, 2);
}

#[tokio::test]
async fn a_server_that_outlived_its_parent_is_taken_over_and_stopped() {
    let folder = open_folder();
    // As after a `kill -9` of the parent: its locks are gone, but the server and its pid file are not.
    let orphan = start(folder.path()).await;
    let in_use = folder.path().join("postgres/in-use.lock");
    std::fs::rename(&in_use, folder.path().join("lost.lock")).unwrap();

    let heir = start(folder.path()).await;
    assert!(!heir.launched());
    assert_eq!(one(&heir).await, 1);
    heir.stop().await.unwrap();
    assert!(!pid_file(folder.path()).exists());
    drop(orphan);
}

#[tokio::test]
async fn a_killed_server_is_started_again_on_its_data() {
    let folder = open_folder();
    let cluster = start(folder.path()).await;
    kill_9(&postmaster(folder.path()));
    until("the server no longer answers", || async { PgConnection::connect_with(&cluster.options()).await.is_err() })
        .await;
    assert!(pid_file(folder.path()).exists(), "a killed server leaves its pid file");

    let again = start(folder.path()).await;
    assert!(again.launched());
    assert_eq!(one(&again).await, 1);
}

#[tokio::test]
async fn a_pid_file_whose_number_is_another_process_by_now_is_stale() {
    let folder = open_folder();
    start(folder.path()).await.stop().await.unwrap();
    let stranger = std::process::id();
    let data = folder.path().join("postgres/data");
    let lines = format!("{stranger}\n{}\n1\n5432\n/nowhere\n\n 1 1\nready\n", data.display());
    std::fs::write(pid_file(folder.path()), lines).unwrap();

    let cluster = start(folder.path()).await;
    assert!(cluster.launched());
}

#[tokio::test]
async fn a_long_data_path_gets_a_short_socket_that_ends_with_the_server() {
    let folder = open_folder();
    let deep = folder.path().join("x".repeat(120));
    std::fs::create_dir(&deep).unwrap();
    let cluster = start(&deep).await;
    assert_eq!(one(&cluster).await, 1);
    let socket = std::fs::read_to_string(deep.join("postgres/socket-folder")).unwrap();
    assert!(Path::new(&socket).is_dir());
    cluster.stop().await.unwrap();
    assert!(!Path::new(&socket).exists(), "{socket} stays");
}

#[tokio::test]
async fn a_ctrl_c_meant_for_us_does_not_reach_the_server() {
    let folder = open_folder();
    let _cluster = start(folder.path()).await;
    let group = |pid: &str| {
        let output = Command::new("ps").args(["-o", "pgid=", "-p", pid]).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    let server = group(&postmaster(folder.path()));
    assert!(!server.is_empty());
    assert_ne!(server, group(&std::process::id().to_string()));
}

#[tokio::test]
async fn a_server_that_is_gone_is_revived_with_its_data() {
    let folder = open_folder();
    let mut cluster = start(folder.path()).await;
    assert!(!cluster.revive().await.unwrap(), "a server that runs is left alone");
    kill_9(&postmaster(folder.path()));
    until("the server no longer answers", || async { PgConnection::connect_with(&cluster.options()).await.is_err() })
        .await;
    assert!(cluster.revive().await.unwrap());
    assert_eq!(one(&cluster).await, 1);
}

#[tokio::test]
async fn dropping_it_stops_the_server() {
    let folder = open_folder();
    drop(start(folder.path()).await);
    assert!(!pid_file(folder.path()).exists());
}

#[tokio::test]
async fn a_data_folder_that_cannot_be_made_is_named() {
    let folder = open_folder();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let error = Cluster::start(&file.join("data")).await.unwrap_err();
    assert!(matches!(error, ClusterError::Folder(..)), "{error}");
    let line = error.to_string();
    assert!(line.contains("file/data") && line.contains("ADJUTANT_DATA_DIR"), "{line}");
}
