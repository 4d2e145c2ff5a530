//! A migrated database for each test.
//!
//! The server is the one of `ADJUTANT_TEST_DATABASE_URL` (`make test` and `scripts/with-postgres` start one),
//! else a private cluster that lives as long as one test uses it, so that plain `cargo test` works too. The
//! migrations run once, in a template; a test's database is a copy of it and is dropped with its
//! [`TestDatabase`].

use std::str::FromStr;
use std::sync::{Arc, Weak};

use adjutant::store::Store;
use adjutant::store::cluster::{Cluster, Durability};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, PgConnection, PgPool};
use tokio::sync::Mutex;
use uuid::Uuid;

/// Where the tests find a server, a superuser of which they may be.
const VARIABLE: &str = "ADJUTANT_TEST_DATABASE_URL";
/// Serialises the making of the template among processes.
const TEMPLATE_LOCK: i64 = 0x0061_646a_7574_616e;

static OWN: Mutex<Weak<OwnServer>> = Mutex::const_new(Weak::new());
static TEMPLATE: Mutex<Option<(String, String)>> = Mutex::const_new(None);

/// A server for who runs `cargo test` without one. The last test that uses it stops it: the fields are
/// dropped in this order.
#[derive(Debug)]
struct OwnServer {
    cluster: Cluster,
    _folder: tempfile::TempDir,
}

/// A migrated database of one's own.
#[derive(Debug)]
pub(crate) struct TestDatabase {
    name: String,
    options: PgConnectOptions,
    admin: PgConnectOptions,
    _server: Option<Arc<OwnServer>>,
}

impl TestDatabase {
    /// Makes one.
    pub(crate) async fn new() -> Self {
        let (admin, server) = server().await;
        let template = template(&admin).await;
        let name = format!("test_{}", Uuid::new_v4().simple());
        execute(&admin, format!("CREATE DATABASE {name} TEMPLATE {template}")).await;
        Self { options: admin.clone().database(&name), name, admin, _server: server }
    }

    /// How to connect.
    pub(crate) fn options(&self) -> PgConnectOptions {
        self.options.clone()
    }

    /// The address for `DATABASE_URL`.
    pub(crate) fn url(&self) -> String {
        self.options.to_url_lossy().to_string()
    }

    /// The store on it.
    pub(crate) async fn store(&self) -> Store {
        Store::connect(self.options()).await.unwrap()
    }

    /// A pool to look into the tables with.
    pub(crate) async fn pool(&self) -> PgPool {
        PgPool::connect_with(self.options()).await.unwrap()
    }

    /// Refuses connections and closes those there are, as a server that is stopped, until [`Self::come_back`].
    pub(crate) async fn go_away(&self) {
        let name = &self.name;
        execute(&self.admin, format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false")).await;
        execute(
            &self.admin,
            format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"),
        )
        .await;
    }

    /// Takes connections again.
    pub(crate) async fn come_back(&self) {
        let name = &self.name;
        execute(&self.admin, format!("ALTER DATABASE {name} ALLOW_CONNECTIONS true")).await;
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let (admin, name) = (self.admin.clone(), self.name.clone());
        // In a thread of its own: the test's runtime may be on its way out.
        let dropped = std::thread::spawn(move || {
            tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap()
                .block_on(execute(&admin, format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")));
        });
        // A database that stays behind goes with the server.
        let _ = dropped.join();
    }
}

async fn server() -> (PgConnectOptions, Option<Arc<OwnServer>>) {
    if let Ok(url) = std::env::var(VARIABLE) {
        return (PgConnectOptions::from_str(&url).unwrap(), None);
    }
    let mut own = OWN.lock().await;
    let server = if let Some(server) = own.upgrade() {
        server
    } else {
        let folder = super::open_folder();
        let cluster = Cluster::start_with(folder.path(), Durability::Throwaway).await.unwrap();
        Arc::new(OwnServer { cluster, _folder: folder })
    };
    *own = Arc::downgrade(&server);
    (server.cluster.options(), Some(server))
}

/// The name of the migrated template on this server, made by who comes first.
async fn template(admin: &PgConnectOptions) -> String {
    let server = admin.to_url_lossy().to_string();
    let mut known = TEMPLATE.lock().await;
    if let Some((name, at)) = &*known
        && *at == server
    {
        return name.clone();
    }
    let name = format!("template_{}", fingerprint());
    let mut connection = PgConnection::connect_with(admin).await.unwrap();
    sqlx::query("SELECT pg_advisory_lock($1)").bind(TEMPLATE_LOCK).execute(&mut connection).await.unwrap();
    let there: Option<i32> = sqlx::query_scalar("SELECT 1 FROM pg_database WHERE datname = $1")
        .bind(&name)
        .fetch_optional(&mut connection)
        .await
        .unwrap();
    if there.is_none() {
        // Under another name until it is complete, so that a run that is cut short leaves no half of one.
        let unfinished = format!("unfinished_{}", Uuid::new_v4().simple());
        execute(admin, format!("CREATE DATABASE {unfinished}")).await;
        let store = Store::connect(admin.clone().database(&unfinished)).await.unwrap();
        store.migrate().await.unwrap();
        store.close().await;
        execute(admin, format!("ALTER DATABASE {unfinished} RENAME TO {name}")).await;
    }
    connection.close().await.unwrap();
    *known = Some((name.clone(), server));
    name
}

/// Tells one set of migrations from another on a server that outlives a run.
fn fingerprint() -> String {
    let migrations = sqlx::migrate!();
    let text: Vec<u8> = migrations.iter().flat_map(|migration| migration.checksum.iter().copied()).collect();
    Uuid::new_v5(&Uuid::NAMESPACE_OID, &text).simple().to_string()
}

async fn execute(admin: &PgConnectOptions, statement: String) {
    let mut connection = PgConnection::connect_with(admin).await.unwrap();
    connection.execute(AssertSqlSafe(statement)).await.unwrap();
    connection.close().await.unwrap();
}
