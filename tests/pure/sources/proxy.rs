//! Proxies from the environment: used for URLs of users, and for no metadata service.

use std::process::Command;

use cloudinit::source::{Availability, Context};

use super::server::{Server, body};
use super::{setup, source, user_data};

/// Marks the test program as run by this test, with the addresses of the servers.
const SERVER: &str = "SOURCES_TEST_SERVER";

#[test]
fn services_are_asked_without_a_proxy() {
    if let Some(server) = std::env::var_os(SERVER) {
        return in_an_environment_with_a_proxy(&server.into_string().unwrap());
    }
    let (server, proxy) = (Server::sequence(vec![body("direct")]), Server::sequence(vec![body("by proxy")]));
    // An address of this machine that does not look like one.
    let url = server.url.replace("127.0.0.1", "0.0.0.0");
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "sources::proxy::services_are_asked_without_a_proxy", "--nocapture"]);
    for name in ["no_proxy", "NO_PROXY", "ALL_PROXY", "all_proxy", "HTTPS_PROXY", "https_proxy", "HTTP_PROXY"] {
        command.env_remove(name);
    }
    let output =
        command.env(SERVER, &url).env("http_proxy", proxy.url.replace("://", "://me:hunter2@")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(server.paths(), ["GET /computeMetadata/v1/"]);
    assert_eq!(proxy.paths(), [format!("GET {url}/a?b")], "a proxy is told the whole address");
    assert_eq!(proxy.asked()[0].header("Host"), url.strip_prefix("http://"));
    assert_eq!(proxy.asked()[0].header("Proxy-Authorization"), Some("Basic bWU6aHVudGVyMg=="));
}

fn in_an_environment_with_a_proxy(server: &str) {
    let setup = setup();
    let service = source("from-gce-metadata", server);
    let cx = Context { setup: &setup, stop: &|| false };
    assert_eq!(service.source.probe(&cx), Availability::Here);
    let url = format!("{server}/a?b");
    assert_eq!(user_data(&*source("from-url", url).source, &setup).unwrap(), "by proxy");
}
