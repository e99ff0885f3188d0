//! EC2's metadata service: attributes, and the session token that it may want.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use cloudinit::deadline::Deadline;
use cloudinit::source::{Availability, Context, Datasource, Setup};

use super::server::{Answer, Asked, Server, body, redirect, status};
use super::{fetch, meta_data, setup, source, user_data};

const WHOLE: &[(&str, &str)] = &[
    ("2009-04-04/", "meta-data\nuser-data"),
    ("2009-04-04/user-data", "#cloud-config\n"),
    ("2009-04-04/meta-data/hostname", "web.internal web.example.com\n"),
    ("2009-04-04/meta-data/local-ipv4", "10.0.0.4"),
    ("2009-04-04/meta-data/public-ipv4", "203.0.113.9\n203.0.113.10\n"),
    ("latest/meta-data/ipv6", "2001:db8::4"),
    ("2009-04-04/meta-data/public-keys", "0=one\n7=two=2"),
    ("2009-04-04/meta-data/public-keys/0/openssh-key", "ssh-rsa A one\n"),
    ("2009-04-04/meta-data/public-keys/7/openssh-key", "ssh-rsa B two\n"),
];

/// Answers as a complete service.
fn whole(path: &str) -> Answer {
    let found = WHOLE.iter().find(|(known, _)| path.strip_prefix('/') == Some(known));
    found.map_or_else(|| status(404), |(_, text)| body(*text))
}

/// A service that answers only with a token, which `give` gives; it gets the number of the question for one.
fn guarded(
    give: impl Fn(usize) -> Answer + Send + Sync + 'static,
    takes: impl Fn(&str) -> bool + Send + Sync + 'static,
) -> Server {
    let asked_for = AtomicUsize::new(0);
    Server::start(move |_, asked: &Asked| {
        if asked.path == "/latest/api/token" {
            let ttl = asked.header("X-aws-ec2-metadata-token-ttl-seconds");
            return match (asked.method.as_str(), ttl) {
                ("PUT", Some("21600")) => give(asked_for.fetch_add(1, Ordering::SeqCst)),
                _ => status(400),
            };
        }
        match asked.header("X-aws-ec2-metadata-token") {
            Some(token) if takes(token) => whole(&asked.path),
            _ => status(401),
        }
    })
}

fn ec2(base: &str) -> std::sync::Arc<dyn Datasource> {
    source("from-ec2-metadata", base).source
}

fn probe(source: &dyn Datasource) -> Availability {
    source.probe(&Context { setup: &setup(), stop: &|| false })
}

#[test]
fn a_service_without_tokens_is_asked_plainly() {
    for no_token in [404, 403, 405, 501] {
        let server =
            Server::start(move |_, asked| if asked.method == "PUT" { status(no_token) } else { whole(&asked.path) });
        let source = ec2(&server.url);
        assert_eq!(source.name(), format!("{}/2009-04-04/user-data", server.url));
        assert_eq!(probe(&*source), Availability::Here, "{no_token}");
        let meta = meta_data(&*source, &setup());
        assert_eq!(meta.failures, Vec::<String>::new());
        assert_eq!(meta.hostname.as_deref(), Some("web.internal"), "up to the first blank");
        assert_eq!(meta.ssh_keys, ["ssh-rsa A one", "ssh-rsa B two"]);
        assert_eq!(meta.addresses.private_v4, Some(Ipv4Addr::new(10, 0, 0, 4)));
        assert_eq!(meta.addresses.public_v4, Some(Ipv4Addr::new(203, 0, 113, 9)), "the first line counts");
        assert_eq!(meta.addresses.public_v6, Some(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 4)));
        assert_eq!(user_data(&*source, &setup()).unwrap(), "#cloud-config\n");
        assert!(server.asked().iter().all(|asked| asked.header("X-aws-ec2-metadata-token").is_none()));
    }
}

#[test]
fn missing_attributes_of_a_service_are_empty() {
    let server = Server::files(&[("2009-04-04/", "")]);
    let source = ec2(&server.url);
    assert_eq!(probe(&*source), Availability::Here);
    let meta = meta_data(&*source, &setup());
    assert_eq!((meta.hostname, meta.ssh_keys.len(), meta.failures.len()), (None, 0, 0));
    assert_eq!(meta.addresses, cloudinit::source::Addresses::default());
    assert_eq!(user_data(&*source, &setup()).unwrap(), "");
}

#[test]
fn a_service_that_wants_a_token_gets_one() {
    let server = guarded(|_| body("TOKEN\n"), |token| token == "TOKEN");
    let source = ec2(&server.url);
    assert_eq!(probe(&*source), Availability::Here);
    let meta = meta_data(&*source, &setup());
    assert_eq!((meta.hostname.as_deref(), meta.failures.len()), (Some("web.internal"), 0));
    assert_eq!(user_data(&*source, &setup()).unwrap(), "#cloud-config\n");
    let puts = server.asked().iter().filter(|asked| asked.method == "PUT").count();
    assert_eq!(puts, 1);
}

#[test]
fn everything_is_asked_at_the_same_base() {
    let server = Server::start(|_, asked| match asked.path.strip_prefix("/some/where") {
        Some("/latest/api/token") => body("T"),
        Some(path) => whole(path),
        None => status(404),
    });
    let source = ec2(&format!("{}/some/where", server.url));
    assert_eq!(probe(&*source), Availability::Here);
    assert_eq!(meta_data(&*source, &setup()).ssh_keys.len(), 2);
    assert!(server.asked().iter().all(|asked| asked.path.starts_with("/some/where/")));
}

#[test]
fn a_token_that_comes_late_is_asked_for_with_each_look() {
    for early in [status(503), status(404), Answer::Reset(Vec::new()), body("no token\r\nX: y")] {
        let server = guarded(move |number| if number < 2 { early.clone() } else { body("T") }, |token| token == "T");
        let (_, meta, user_data) = fetch(vec![source("from-ec2-metadata", &server.url)], &setup()).unwrap();
        assert_eq!(meta.hostname.as_deref(), Some("web.internal"));
        assert_eq!(user_data.unwrap(), "#cloud-config\n");
        let puts = server.asked().iter().filter(|asked| asked.method == "PUT").count();
        assert_eq!(puts, 3);
    }
}

#[test]
fn a_token_that_expires_is_renewed() {
    // Each token is good for three questions.
    let used = AtomicUsize::new(0);
    let server = guarded(
        |number| body(format!("T{number}")),
        move |token| {
            let current = used.load(Ordering::SeqCst) / 3;
            let fits = token == format!("T{current}");
            if fits {
                used.fetch_add(1, Ordering::SeqCst);
            }
            fits
        },
    );
    let source = ec2(&server.url);
    assert_eq!(probe(&*source), Availability::Here);
    let meta = meta_data(&*source, &setup());
    assert_eq!((meta.ssh_keys.len(), meta.failures.len()), (2, 0), "{:?}", meta.failures);
    assert!(meta.addresses.public_v6.is_some());
    assert_eq!(user_data(&*source, &setup()).unwrap(), "#cloud-config\n");
}

#[test]
fn a_renewal_is_tried_again_too() {
    let server = guarded(
        |number| match number {
            0 => body("OLD"),
            1 | 2 => status(500),
            _ => body("NEW"),
        },
        {
            let first = AtomicUsize::new(0);
            move |token| token == "NEW" || (token == "OLD" && first.fetch_add(1, Ordering::SeqCst) == 0)
        },
    );
    let source = ec2(&server.url);
    assert_eq!(probe(&*source), Availability::Here);
    assert_eq!(user_data(&*source, &setup()).unwrap(), "#cloud-config\n");
}

#[test]
fn a_service_without_access_is_reported() {
    let first = AtomicUsize::new(0);
    let server = guarded(|_| body("hunter2"), move |_| first.fetch_add(1, Ordering::SeqCst) == 0);
    let source = ec2(&server.url);
    assert_eq!(probe(&*source), Availability::Here);
    let error = user_data(&*source, &setup()).unwrap_err();
    assert!(error.contains("401 Unauthorized") && !error.contains("hunter2"), "it is not taken for empty: {error}");
    let failures = meta_data(&*source, &setup()).failures;
    assert!(!failures.is_empty() && !failures.concat().contains("hunter2"), "{failures:?}");
}

#[test]
fn a_renewal_that_fails_is_tried_in_full_once() {
    let first = AtomicUsize::new(0);
    let server = guarded(
        |number| if number == 0 { body("T") } else { status(500) },
        move |_| first.fetch_add(1, Ordering::SeqCst) == 0,
    );
    let source = ec2(&server.url);
    assert_eq!(probe(&*source), Availability::Here);
    assert_eq!(meta_data(&*source, &setup()).failures.len(), 5);
    let puts = || server.asked().iter().filter(|asked| asked.method == "PUT").count();
    assert_eq!(puts(), 1 + 4 + 4, "with the look, in full for the first attribute, once for each of the others");
    assert!(user_data(&*source, &setup()).unwrap_err().contains("latest/api/token"));
    assert_eq!(puts(), 9 + 4, "and in full again for user-data");
}

#[test]
fn a_value_that_is_invalid_in_a_header_is_not_sent() {
    let server = guarded(|_| body("T\r\nX-Evil: 1"), |_| true);
    let source = ec2(&server.url);
    assert!(matches!(probe(&*source), Availability::NotYet(_)));
    assert!(server.asked().iter().all(|asked| asked.header("X-Evil").is_none()));
}

#[test]
fn an_odd_list_of_keys_costs_its_odd_lines() {
    let server = Server::files(&[
        ("2009-04-04/meta-data/public-keys", "bad\n0=one\n../../../x=y\n1=\n"),
        ("2009-04-04/meta-data/public-keys/0/openssh-key", "ssh-rsa A\nssh-rsa SECOND"),
        ("2009-04-04/meta-data/hostname", "web"),
        ("2009-04-04/meta-data/local-ipv4", "10.0.0.4 evil"),
        ("2009-04-04/meta-data/public-ipv4", "::1"),
    ]);
    let meta = meta_data(&*ec2(&server.url), &setup());
    assert_eq!((meta.hostname.as_deref(), meta.ssh_keys), (Some("web"), vec!["ssh-rsa A".to_owned()]));
    assert_eq!(meta.failures.len(), 1, "{:?}", meta.failures);
    assert!(meta.failures[0].contains("2 lines are not NUMBER=NAME; lines skipped"), "{:?}", meta.failures);
    assert_eq!(meta.addresses, cloudinit::source::Addresses::default(), "what is no address is missing");
    assert!(server.paths().iter().all(|path| !path.contains("..")));
}

#[test]
fn a_service_that_dies_after_the_look_is_a_failure_in_time() {
    let server = Server::start(|_, asked| match asked.path.as_str() {
        "/latest/api/token" => status(404),
        "/2009-04-04/" => body(""),
        _ => Answer::Reset(Vec::new()),
    });
    let source = ec2(&server.url);
    assert_eq!(probe(&*source), Availability::Here);
    let begun = Instant::now();
    let meta = meta_data(&*source, &setup());
    assert_eq!(meta.failures.len(), 5, "{:?}", meta.failures);
    let asked = server.asked().len();
    assert_eq!(asked, 2 + 4 + 4, "the first attribute is tried as often as may be, the others once");
    assert!(user_data(&*source, &setup()).unwrap_err().contains("tried 4 times"), "and user-data again in full");
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[test]
fn an_attribute_that_hangs_costs_half_of_the_time() {
    let server = Server::start(
        |_, asked| {
            if asked.path.ends_with("/public-keys") { Answer::Silence } else { whole(&asked.path) }
        },
    );
    let setup = Setup { deadline: Deadline::after(Duration::from_secs(2)), ..setup() };
    let meta = meta_data(&*ec2(&server.url), &setup);
    assert_eq!(meta.failures.len(), 1, "{:?}", meta.failures);
    assert!(meta.failures[0].contains("public-keys: timed out"), "{:?}", meta.failures);
    assert_eq!(meta.hostname.as_deref(), Some("web.internal"));
    assert!(meta.addresses.public_v6.is_some());
}

#[test]
fn a_service_that_comes_back_is_read() {
    let server = Server::start(|number, asked| match number {
        0 | 1 | 5.. => {
            if asked.method == "PUT" {
                status(404)
            } else {
                whole(&asked.path)
            }
        }
        _ => status(503),
    });
    let source = ec2(&server.url);
    assert_eq!(probe(&*source), Availability::Here);
    let meta = meta_data(&*source, &setup());
    assert_eq!((meta.ssh_keys.len(), meta.failures.len()), (2, 0));
}

#[test]
fn a_redirected_question_for_a_token_is_no_token() {
    let other = Server::sequence(vec![body("stolen")]);
    let target = other.url.clone();
    let server = Server::start(
        move |_, asked| {
            if asked.method == "PUT" { redirect(target.as_str()) } else { whole(&asked.path) }
        },
    );
    let source = ec2(&server.url);
    assert_eq!(probe(&*source), Availability::Here);
    assert!(other.asked().is_empty());
}

#[test]
fn an_invalid_base_url_ends_the_wait() {
    for base in ["ftp://169.254.169.254/", "169.254.169.254", "http://u:hunter2@:x/", ""] {
        let Availability::Never(why) = probe(&*ec2(base)) else { panic!("{base} cannot be asked") };
        let source = ec2(base);
        let all = format!("{why} {} {:?}", source.name(), user_data(&*source, &setup()));
        assert!(!all.contains("hunter2"), "{all}");
        assert!(!meta_data(&*source, &setup()).failures.is_empty());
    }
}

#[test]
fn a_stopped_run_sends_no_more_requests() {
    let server = Server::sequence(vec![Answer::Silence]);
    let ec2 = source("from-ec2-metadata", &server.url);
    let begun = Instant::now();
    let stop = || begun.elapsed() > Duration::from_millis(200);
    let meta = ec2.source.meta_data(&Context { setup: &setup(), stop: &stop });
    assert!(
        begun.elapsed() < Duration::from_millis(900),
        "{:?}: a try takes a second, and there are five attributes",
        begun.elapsed()
    );
    assert_eq!(server.asked().len(), 1);
    assert!(meta.failures.len() == 5 && meta.failures[4].contains("not requested: stopped"), "{:?}", meta.failures);
    assert!(ec2.source.user_data(&Context { setup: &setup(), stop: &stop }).is_err());
    assert_eq!(server.asked().len(), 1);
}
