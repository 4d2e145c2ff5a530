//! The variables that lead programs to the proxy and to the certificates of the system.

use std::path::Path;

use super::PORT;

/// The system's certificates in one file, on Debian, Fedora, SUSE and Alpine.
const BUNDLES: &[&str] = &[
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];
/// Variables that name the file of certificates: OpenSSL, Node, pip, requests, cargo, git, curl, Deno.
const BUNDLE_VARIABLES: &[&str] = &[
    "SSL_CERT_FILE",
    "NODE_EXTRA_CA_CERTS",
    "PIP_CERT",
    "REQUESTS_CA_BUNDLE",
    "CARGO_HTTP_CAINFO",
    "GIT_SSL_CAINFO",
    "CURL_CA_BUNDLE",
    "DENO_CERT",
];
/// Variables that name the proxy. Yarn and npm have their own.
const PROXY_VARIABLES: &[&str] = &[
    "http_proxy",
    "https_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "all_proxy",
    "ALL_PROXY",
    "npm_config_proxy",
    "npm_config_https_proxy",
    "YARN_HTTP_PROXY",
    "YARN_HTTPS_PROXY",
];
/// What is reached without the proxy: the sandbox's own loopback.
const DIRECT: &str = "localhost,127.0.0.1,::1";

/// The variables of a run with a list of hosts.
pub(in super::super) fn variables() -> Vec<(String, String)> {
    let proxy = format!("http://127.0.0.1:{PORT}");
    let mut variables: Vec<(String, String)> =
        PROXY_VARIABLES.iter().map(|name| ((*name).to_owned(), proxy.clone())).collect();
    let mut set = |name: &str, value: &str| variables.push((name.to_owned(), value.to_owned()));
    for name in ["no_proxy", "NO_PROXY", "npm_config_noproxy"] {
        set(name, DIRECT);
    }
    // https://nodejs.org/api/cli.html#node_use_env_proxy1
    set("NODE_USE_ENV_PROXY", "1");
    set("JAVA_TOOL_OPTIONS", &java());
    if let Some(bundle) = BUNDLES.iter().find(|path| Path::new(path).is_file()) {
        for name in BUNDLE_VARIABLES {
            set(name, bundle);
        }
    }
    variables
}

/// Java reads no `https_proxy`. Maven's resolver uses Java's properties only if it is told to (the second line is for
/// version 3.9, the third for version 4).
fn java() -> String {
    format!(
        "-Dhttp.proxyHost=127.0.0.1 -Dhttp.proxyPort={PORT} -Dhttps.proxyHost=127.0.0.1 -Dhttps.proxyPort={PORT} \
         -Dhttp.nonProxyHosts=localhost|127.0.0.1|[::1] -Daether.connector.http.useSystemProperties=true \
         -Daether.transport.apache.useSystemProperties=true"
    )
}
