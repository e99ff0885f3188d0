//! Redirects and credentials: which server gets which.

use std::time::Duration;

use cloud_config::text::secret::Secret;
use cloudinit::deadline::Deadline;
use cloudinit::deadline::Limits;
use cloudinit::http::{HostPolicy, Method, Request, Url, ask, get};
use cloudinit::source::{Availability, Context};

use super::server::{Answer, Server, body, redirect, status};
use super::{quick, setup, source, user_data};

fn fetch(url: &str) -> Result<String, String> {
    let body = get(url, quick().http, Deadline::after(Duration::from_secs(20)), &|| false);
    body.map(|body| String::from_utf8(body).unwrap()).map_err(|error| error.to_string())
}

/// The address of a server with a name and a password in it.
fn with_credentials(server: &Server) -> String {
    server.url.replace("://", "://me:hunter2@")
}

#[test]
fn user_data_is_fetched_wherever_redirects_lead() {
    let other = Server::files(&[("b/c", "#cloud-config\n")]);
    let target = format!("{}/b/c", other.url);
    for code in [301, 302, 303, 307, 308] {
        let location = vec![("Location", target.clone())];
        let server = Server::sequence(vec![Answer::Whole(code, location, b"moved".to_vec())]);
        assert_eq!(fetch(&format!("{}/a", server.url)).unwrap(), "#cloud-config\n", "{code}");
    }
    let here = Server::start(|_, asked| if asked.path == "/x/b" { body("hi") } else { redirect("b") });
    assert_eq!(fetch(&format!("{}/x/a", here.url)).unwrap(), "hi");
}

#[test]
fn redirects_end() {
    let server = Server::sequence(vec![redirect("/again")]);
    assert_eq!(fetch(&server.url).unwrap_err(), "too many redirects");
    assert_eq!(server.asked().len(), 11);
    for location in ["file:///etc/shadow", "ftp://127.0.0.1/", "http://", "//"] {
        let server = Server::sequence(vec![redirect(location)]);
        assert!(fetch(&server.url).unwrap_err().contains("redirect to a URL other than http or https"), "{location}");
    }
    let server = Server::sequence(vec![status(302), body("hi")]);
    assert_eq!(fetch(&server.url).unwrap(), "hi", "one that leads nowhere is tried again");
    let server = Server::start(|_, asked| if asked.path == "/%C3%BC" { body("hi") } else { redirect("/ü") });
    assert_eq!(fetch(&server.url).unwrap(), "hi", "what has no place in an address is encoded");
}

#[test]
fn a_server_that_fails_behind_a_redirect_is_named() {
    let other = Server::sequence(vec![status(404)]);
    let host = other.url.strip_prefix("http://").unwrap().to_owned();
    let to = format!("http://me:hunter2@{host}/hunter2?hunter2");
    let server = Server::start(move |_, _| redirect(to.as_str()));
    let error = fetch(&server.url).unwrap_err();
    assert_eq!(error, format!("redirected to http://{host}: the server returned 404 Not Found"));
    let broken = Server::sequence(vec![status(500)]);
    let server = Server::sequence(vec![redirect(broken.url.as_str())]);
    let error = fetch(&server.url).unwrap_err();
    assert!(error.starts_with(&format!("redirected to {}: the server returned 500", broken.url)), "{error}");
}

#[test]
fn credentials_are_sent_to_the_server_they_are_for() {
    let other = Server::sequence(vec![body("hi")]);
    let target = other.url.clone();
    let server = Server::start(move |_, asked| match asked.path.as_str() {
        "/away" => redirect(target.as_str()),
        "/here" => redirect("/"),
        _ => body("hi"),
    });
    let base = with_credentials(&server);
    for path in ["/", "/away", "/here"] {
        assert_eq!(fetch(&format!("{base}{path}")).unwrap(), "hi");
    }
    let sent: Vec<_> = server.asked().iter().map(|asked| asked.header("Authorization").is_some()).collect();
    assert_eq!(sent, [true, true, true, false], "redirects carry no headers");
    assert_eq!(server.asked()[0].header("Authorization"), Some("Basic bWU6aHVudGVyMg=="));
    assert_eq!(other.asked()[0].header("Authorization"), None);
}

#[test]
fn redirects_of_named_urls_carry_no_headers() {
    let server = Server::sequence(vec![redirect("/b"), body("hi")]);
    let url = Url::parse(&server.url).unwrap();
    let headers = [("X-Key", Secret::new("hunter2".to_owned()))];
    let limits = Limits { deadline: Deadline::after(Duration::from_secs(20)), stop: &|| false };
    let request = Request { method: Method::Get, url: &url, headers: &headers, hosts: HostPolicy::Anywhere };
    assert_eq!(ask(&request, &quick().http, limits).unwrap(), b"hi");
    let sent: Vec<_> = server.asked().iter().map(|asked| asked.header("X-Key").is_some()).collect();
    assert_eq!(sent, [true, false]);
}

#[test]
fn no_output_shows_the_credentials() {
    let server = Server::sequence(vec![status(404)]);
    let url = format!("{}/a?key=hunter2", with_credentials(&server));
    let candidate = source("from-url", &url);
    let setup = setup();
    let cx = Context { setup: &setup, stop: &|| false };
    let Availability::Never(why) = candidate.source.probe(&cx) else { panic!("it is final") };
    let printed = format!("{} {why} {:?}", candidate.source.name(), user_data(&*candidate.source, &setup));
    assert!(printed.contains("404 Not Found") && printed.contains("/a?…"), "{printed}");
    assert!(!printed.contains("hunter2") && !printed.contains("bWU6"), "{printed}");
}

#[test]
fn a_service_leads_to_itself_alone() {
    let other = Server::sequence(vec![body("stolen")]);
    let target = format!("{}/latest/meta-data", other.url);
    let service = Server::start(move |_, asked| match asked.path.as_str() {
        "/computeMetadata/v1/" => redirect("/computeMetadata/v1/there/"),
        "/computeMetadata/v1/instance/hostname" => redirect(target.as_str()),
        _ => body("hi"),
    });
    let candidate = source("from-gce-metadata", &service.url);
    let setup = setup();
    let cx = Context { setup: &setup, stop: &|| false };
    assert_eq!(candidate.source.probe(&cx), Availability::Here);
    assert_eq!(service.paths(), ["GET /computeMetadata/v1/", "GET /computeMetadata/v1/there/"]);
    assert!(service.asked().iter().all(|asked| asked.header("Metadata-Flavor") == Some("Google")));
    let meta = candidate.source.meta_data(&cx);
    assert_eq!(meta.hostname, None);
    assert!(meta.failures[0].contains("another host"), "{:?}", meta.failures);
    assert!(other.asked().is_empty());
}
