//! `sqlx::migrate!` compiles the migrations in, and cargo does not notice a new file by itself.

fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
