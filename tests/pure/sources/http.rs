//! The limits of every request: tries, time, size.

use std::io::Write as _;
use std::time::{Duration, Instant};

use cloudinit::deadline::Deadline;
use cloudinit::http::{RetryPolicy, get};
use flate2::Compression;
use flate2::write::GzEncoder;

use super::quick;
use super::server::{Answer, Server, body, status};

fn policy() -> RetryPolicy {
    RetryPolicy { body_max: 1000, ..quick().http }
}

fn fetch(server: &Server) -> Result<String, String> {
    let body = get(&format!("{}/x", server.url), policy(), Deadline::after(Duration::from_secs(20)), &|| false);
    body.map(|body| String::from_utf8(body).unwrap()).map_err(|error| error.to_string())
}

/// A head that announces `length`, and `sent` behind it.
fn announced(length: &str, sent: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\n{length}Connection: close\r\n\r\n{sent}").into_bytes()
}

#[test]
fn tries_again_where_that_can_help() {
    for passing in [500, 502, 503, 408, 425, 429, 304, 300] {
        let server = Server::sequence(vec![status(passing), status(passing), body("hi")]);
        assert_eq!(fetch(&server).unwrap(), "hi", "{passing}");
        assert_eq!(server.asked().len(), 3, "{passing}");
    }
}

#[test]
fn a_client_error_is_final() {
    for code in [400, 401, 403, 404, 410] {
        let server = Server::sequence(vec![status(code), body("hi")]);
        assert!(fetch(&server).unwrap_err().contains(&format!("the server returned {code}")));
        assert_eq!(server.asked().len(), 1, "{code}");
    }
}

#[test]
fn tries_are_counted() {
    let server = Server::sequence(vec![status(500)]);
    assert_eq!(fetch(&server).unwrap_err(), "the server returned 500 Internal Server Error (tried 4 times)");
    assert_eq!(server.asked().len(), 4);
}

#[test]
fn pauses_double_up_to_the_longest() {
    let server = Server::sequence(vec![status(500)]);
    let policy = RetryPolicy {
        tries: 6,
        first_pause: Duration::from_millis(20),
        longest_pause: Duration::from_millis(60),
        ..policy()
    };
    let begun = Instant::now();
    get(&server.url, policy, Deadline::after(Duration::from_secs(20)), &|| false).unwrap_err();
    // 20, 40, 60, 60, 60.
    assert!(begun.elapsed() >= Duration::from_millis(240), "{:?}", begun.elapsed());
}

#[test]
fn an_unrequested_part_or_encoding_is_refused() {
    let part = Answer::Whole(206, vec![("Content-Range", "bytes 0-1/9".to_owned())], b"ha".to_vec());
    let server = Server::sequence(vec![part, body("whole")]);
    assert_eq!(fetch(&server).unwrap(), "whole", "a piece is not the whole");
    let why = "the response has an unsupported Content-Encoding";
    for encoding in ["br", "deflate", "zstd", "gzip, br"] {
        let server = Server::sequence(vec![Answer::Whole(200, vec![("Content-Encoding", encoding.into())], vec![1])]);
        assert_eq!(fetch(&server).unwrap_err(), why, "{encoding}");
    }
    let plain = Answer::Whole(200, vec![("Content-Encoding", "identity".into())], b"hi".to_vec());
    assert_eq!(fetch(&Server::sequence(vec![plain])).unwrap(), "hi");
}

#[test]
fn an_empty_body_is_an_answer() {
    for code in [200, 201, 204] {
        assert_eq!(fetch(&Server::sequence(vec![status(code)])).unwrap(), "", "{code}");
    }
}

#[test]
fn a_silent_server_costs_the_time_of_a_try() {
    for slow in [
        Answer::Silence,
        Answer::Trickle(b"HTTP/1.1 200 OK\r\nX: ".to_vec()),
        Answer::Trickle(announced("Content-Length: 900\r\n", "")),
        Answer::Trickle(announced("", "")),
    ] {
        let server = Server::sequence(vec![slow, body("hi")]);
        let begun = Instant::now();
        assert_eq!(fetch(&server).unwrap(), "hi");
        let took = begun.elapsed();
        assert!(took >= Duration::from_millis(900) && took < Duration::from_secs(5), "{took:?}");
    }
}

#[test]
fn half_an_answer_is_refused() {
    let chunk = "5\r\nhello\r\n";
    for broken in [
        Answer::Bytes(announced("Content-Length: 10\r\n", "hello")),
        Answer::Reset(announced("Content-Length: 10\r\n", "hello")),
        Answer::Bytes(announced("Transfer-Encoding: chunked\r\n", chunk)),
        Answer::Reset(announced("Transfer-Encoding: chunked\r\n", chunk)),
        // Without a length the end of the connection is the end of the answer, if the connection does not break.
        Answer::Reset(announced("", "hello")),
        Answer::Bytes(announced("Transfer-Encoding: chunked\r\n", "zz\r\nhello\r\n")),
        Answer::Bytes(b"HTTP/1.1 200 OK\r\nContent-Le".to_vec()),
        Answer::Bytes(b"SSH-2.0-OpenSSH_9.2\r\n".to_vec()),
        Answer::Reset(Vec::new()),
        Answer::Bytes(Vec::new()),
    ] {
        let server = Server::sequence(vec![broken.clone(), body("whole")]);
        let shown = match broken {
            Answer::Bytes(bytes) | Answer::Reset(bytes) => String::from_utf8(bytes).unwrap(),
            _ => String::new(),
        };
        assert_eq!(fetch(&server).as_deref(), Ok("whole"), "{shown:?}");
        assert_eq!(server.asked().len(), 2, "{shown:?}");
    }
}

#[test]
fn the_fault_of_half_an_answer_is_reported() {
    for (head, sent, why) in [
        ("Content-Length: 10\r\n", "hello", "the response was cut off: connection closed"),
        ("Transfer-Encoding: chunked\r\n", "zz\r\nhello\r\n", "the response was cut off: the response is not HTTP"),
        ("Content-Length: -1\r\n", "hello", "the response is not HTTP"),
    ] {
        let server = Server::sequence(vec![Answer::Bytes(announced(head, sent))]);
        assert_eq!(fetch(&server).unwrap_err(), format!("{why} (tried 4 times)"));
    }
}

#[test]
fn an_answer_ends_at_its_length() {
    let server = Server::sequence(vec![Answer::Bytes(announced("Content-Length: 5\r\n", "hello, and more"))]);
    assert_eq!(fetch(&server).unwrap(), "hello");
    let server = Server::sequence(vec![Answer::Bytes(announced("", "hello"))]);
    assert_eq!(fetch(&server).unwrap(), "hello", "without a length, where the connection ends");
    let chunks = announced("Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n2;x=y\r\n, \r\n0\r\n\r\n");
    assert_eq!(fetch(&Server::sequence(vec![Answer::Bytes(chunks)])).unwrap(), "hello, ");
}

#[test]
fn bodies_are_capped() {
    let long = "x".repeat(1001);
    let chunked = format!("{:x}\r\n{long}\r\n0\r\n\r\n", long.len());
    for huge in [
        body(long.as_str()),
        Answer::Bytes(announced("Content-Length: 99999999999\r\n", &long)),
        Answer::Bytes(announced("Transfer-Encoding: chunked\r\n", &chunked)),
        Answer::Bytes(announced("", &long)),
        Answer::Whole(200, vec![("Content-Encoding", "gzip".into())], gzip(&long)),
    ] {
        let server = Server::sequence(vec![huge]);
        assert!(fetch(&server).unwrap_err().contains("larger than 1000 bytes"));
        assert_eq!(server.asked().len(), 1, "another try would end the same");
    }
    assert_eq!(fetch(&Server::sequence(vec![body("x".repeat(1000))])).unwrap().len(), 1000);
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn an_unrequested_compression_is_undone() {
    for name in ["gzip", "x-gzip", "GZIP"] {
        let server = Server::sequence(vec![Answer::Whole(200, vec![("Content-Encoding", name.into())], gzip("hi"))]);
        assert_eq!(fetch(&server).unwrap(), "hi");
        assert_eq!(server.asked()[0].header("Accept-Encoding"), Some("identity"));
    }
    let cut = Answer::Whole(200, vec![("Content-Encoding", "gzip".into())], gzip("hello")[..12].to_vec());
    assert_eq!(fetch(&Server::sequence(vec![cut, body("whole")])).unwrap(), "whole");
}

#[test]
fn a_head_without_an_end_is_no_answer() {
    let endless = format!("HTTP/1.1 200 OK\r\nX: {}\r\n", "x".repeat(1 << 20));
    let server = Server::sequence(vec![Answer::Bytes(endless.into_bytes())]);
    assert!(fetch(&server).is_err());
}

#[test]
fn waiting_ends_on_a_stop_request_and_in_time() {
    let server = Server::sequence(vec![status(500)]);
    let patient = RetryPolicy { tries: 1000, first_pause: Duration::from_secs(30), ..policy() };
    let begun = Instant::now();
    let stopped = get(&server.url, patient, Deadline::after(Duration::from_secs(60)), &|| true).unwrap_err();
    assert!(stopped.to_string().contains("stopped"), "{stopped}");
    let late = get(&server.url, patient, Deadline::after(Duration::from_millis(200)), &|| false).unwrap_err();
    assert!(late.to_string().contains("time"), "{late}");
    let silent = Server::sequence(vec![Answer::Silence]);
    assert!(get(&silent.url, patient, Deadline::after(Duration::from_millis(200)), &|| false).is_err());
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}
