//! Input made to be expensive: its time grows with its size and no faster, and its output is short.

use std::fmt::Write as _;
use std::time::Duration;

use super::{cost, validate};

/// Two sizes, in bytes, and the largest ratio between the times that they take.
const SMALL: usize = 4 << 10;
const FACTOR: usize = 8;
/// Linear would be `FACTOR`, a square its square.
const MOST: u32 = 3 * 8;
/// Less is not worth measuring.
const NOISE: Duration = Duration::from_millis(30);

/// Makes input of about that many bytes.
type Make = Box<dyn Fn(usize) -> Vec<u8>>;
/// The same as text.
type Text = fn(usize) -> String;

/// A sign of YAML or of this program again and again: at the top, behind a key, inside of quotes.
const SIGNS: &[&str] = &[
    "[",
    "{",
    "- ",
    "? ",
    ": ",
    ",",
    "\"",
    "'",
    "&a ",
    "*a ",
    "! ",
    "!",
    "|\n",
    "> ",
    "#",
    "# a\n",
    "\n",
    "\r",
    "\r\n",
    "\t",
    " ",
    "%TAG ! a\n",
    "%YAML 1.1\n",
    "---\n",
    "...\n",
    "\u{85}",
    "\u{2028}",
    "\u{feff}",
    "é",
    "😀",
    "\u{1}",
    "@",
    "`",
    "[\n",
    "{a: ",
    "{? ",
    "[a: ",
    "a ",
    "a\n",
    "a: b\n",
    "? a\n",
    "k: {",
    "<<: ",
    "<<: *a, ",
    "- - - a\n",
    "- &a x\n",
    "- !a!b x\n",
    "- !<a> x\n",
    "\"\n",
    "\\",
    "\"\\x41\" ",
    "$public_ipv4 ",
    "\\$public_ipv4",
    "$public_ipv4x\n",
    "{{ ",
    "{{x}} ",
    "{% ",
    "<%",
    "${",
    "%{ if ",
    "$",
    "\u{a0}a\n",
    "\u{201c}",
    "path:x\n",
    "-ssh-rsa AAAA\n",
    "  ssh_authorized_keys:\n",
    "a: |\n  b\n",
    "~",
    "hostname: a\n",
    "write_files: []\nwrite-files: []\n",
];

fn repeated(unit: &str, size: usize) -> String {
    unit.repeat(size / unit.len())
}

fn config(text: &str) -> Vec<u8> {
    format!("#cloud-config\n{text}").into_bytes()
}

/// Lines, each made of its number, until there is enough.
fn lines(size: usize, line: impl Fn(usize) -> String) -> String {
    let mut text = String::new();
    for number in 0.. {
        if text.len() >= size {
            break;
        }
        text.push_str(&line(number));
    }
    text
}

/// Everything, by name.
pub fn inputs() -> Vec<(String, Make)> {
    let mut inputs: Vec<(String, Make)> = Vec::new();
    for unit in SIGNS {
        inputs.push((format!("{unit:?}"), Box::new(|size| config(&repeated(unit, size)))));
        inputs.push((format!("a: {unit:?}"), Box::new(|size| config(&format!("a: {}", repeated(unit, size))))));
        let quoted = unit.replace('"', "'");
        inputs.push((
            format!("\"{unit:?}\""),
            Box::new(move |size| config(&format!("a: \"{}\"", repeated(&quoted, size)))),
        ));
    }
    let mut add = |name: &str, make: Text| {
        inputs.push((name.to_owned(), Box::new(move |size| make(size).into_bytes())));
    };
    add("indentation", |size| {
        let deep: String = (0..)
            .map(|n| " ".repeat(n) + "a:\n")
            .scan(0, |sum, line| {
                *sum += line.len();
                (*sum <= size).then_some(line)
            })
            .collect();
        format!("#cloud-config\n{deep}")
    });
    add("long key", |size| format!("#cloud-config\n{}: b\n", "a".repeat(size)));
    add("long key behind ?", |size| format!("#cloud-config\n? {}\n: b\n", "a".repeat(size)));
    add("unknown keys", |size| format!("#cloud-config\n{}", lines(size, |n| format!("k{n}: v\n"))));
    add("unknown keys of many sections", |size| {
        format!(
            "#cloud-config\n{}",
            lines(size, |n| if n % 9000 == 0 { format!("s{n}:\n") } else { format!(" k{n}: v\n") })
        )
    });
    add("misspelt keys", |size| {
        let units = lines(size, |n| format!(" - {{nam: u{n}.service, contnt: x, comand: y}}\n"));
        format!("#cloud-config\ncoreos:\n units:\n{units}")
    });
    add("files", |size| {
        let files = lines(size, |n| format!("- path: /f{n}\n  content: |\n{}", "    a line of it\n".repeat(60)));
        format!("#cloud-config\nwrite_files:\n{files}")
    });
    add("the same path", |size| format!("#cloud-config\nwrite_files:\n{}", "- {path: /a}\n".repeat(size / 13)));
    add("paths below files", |size| {
        format!("#cloud-config\nwrite_files:\n{}", lines(size, |n| format!("- {{path: /a{}}}\n", "/b".repeat(n % 100))))
    });
    add("wrong modes", |size| {
        format!("#cloud-config\nwrite_files:\n{}", lines(size, |n| format!("- {{path: /a{n}, permissions: x}}\n")))
    });
    add("dots", |size| format!("#cloud-config\nwrite_files:\n- path: {}/a\n", "/..".repeat(size / 3)));
    add("base64", |size| {
        format!("#cloud-config\nwrite_files:\n- {{path: /a, encoding: b64, content: {}}}\n", "QUFB".repeat(size / 4))
    });
    add("base64 in lines", |size| {
        let body = format!("    {}\n", "QUFB".repeat(18)).repeat(size / 77);
        format!("#cloud-config\nwrite_files:\n- path: /a\n  encoding: b64\n  content: |\n{body}")
    });
    add("blank lines of a block", |size| format!("#cloud-config\na: |\n{}", "    \n".repeat(size / 5)));
    add("folded lines", |size| format!("#cloud-config\na: >\n    a\n{}", "\n    b\n".repeat(size / 7)));
    add("a line of a block", |size| format!("#cloud-config\na: |\n    {}\n", "x".repeat(size)));
    add("keys on lines", |size| {
        format!(
            "#cloud-config\nssh_authorized_keys:\n- |\n{}",
            "   ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAABwcHBwcHBwc=\n".repeat(size / 52)
        )
    });
    add("no keys", |size| format!("#cloud-config\nssh_authorized_keys:\n- |\n{}", "   x\n".repeat(size / 5)));
    add("quotes of options", |size| {
        format!("#cloud-config\nssh_authorized_keys: ['command=\"{}']\n", "\\\"".repeat(size / 2))
    });
    add("groups", |size| {
        format!("#cloud-config\nusers:\n- name: a\n  groups: {}\n", lines(size, |n| format!("g{n},")))
    });
    add("aliases of a text", |size| {
        format!("#cloud-config\na: &a {}\nb: [{}]\n", "x".repeat(size / 2), "*a, ".repeat(size / 8))
    });
    add("aliases of a list", |size| {
        format!("#cloud-config\na: &a [{}]\nb: [{}]\n", "x, ".repeat(size / 6), "*a, ".repeat(size / 8))
    });
    add("merges", |size| format!("#cloud-config\na: &a {{b: c}}\nd: {{{}}}\n", "<<: *a, ".repeat(size / 8)));
    add("merges of many keys", |size| {
        format!(
            "#cloud-config\na: &a {{{}}}\nd: {{<<: [{}]}}\n",
            lines(size / 2, |n| format!("k{n}: v,")),
            "*a, ".repeat(size / 8)
        )
    });
    add("a script", |size| format!("#!/bin/sh\n{}", "$public_ipv4\n".repeat(size / 13)));
    add("JSON that nests", |size| format!("{{\"ignition\": {}", "[".repeat(size)));
    add("JSON of many keys", |size| {
        format!("{{\"ignition\": {{\"version\": \"2.0.0\"}}, {}\"b\": 1}}", "\"a\": 1,".repeat(size / 7))
    });
    lints(&mut add);
    multiparts(&mut add);
    inputs
}

fn lints(add: &mut dyn FnMut(&str, Text)) {
    add("expressions that are comments", |size| {
        format!("#cloud-config\n{}", lines(size, |n| format!("k{n}: #{{x}}\n")))
    });
    add("expressions on a line", |size| format!("#cloud-config\na: b{}\n", " #{x}".repeat(size / 5)));
    add("expressions in quotes", |size| format!("#cloud-config\na: \"b{}\"\n", " #{x}".repeat(size / 5)));
    add("expressions before comments", |size| format!("#cloud-config\n{}", "a: #{x}\n#\n\n".repeat(size / 12)));
    add("words of Environment=", |size| {
        let unit = "#cloud-config\ncoreos:\n  units:\n  - name: a.service\n    content: |\n      [Service]\n";
        format!("{unit}      Environment={}\n      LimitCORE={}\n", "a=b ".repeat(size / 8), "1K ".repeat(size / 6))
    });
}

fn multiparts(add: &mut dyn FnMut(&str, Text)) {
    const HEAD: &str = "Content-Type: multipart/mixed; boundary=B\n";
    add("empty parts", |size| format!("{HEAD}\n{}--B--\n", "--B\n\n".repeat(size / 5)));
    add("parts", |size| {
        format!("{HEAD}\n{}--B--\n", "--B\nContent-Type: text/cloud-config\n\nhostname: a\n".repeat(size / 50))
    });
    add("parts without an end", |size| {
        format!("{HEAD}\n{}", "--B\nContent-Type: text/cloud-config\n\nhostname: a\n".repeat(size / 50))
    });
    add("headers", |size| format!("{HEAD}{}\n--B\n\n--B--\n", "A: b\n".repeat(size / 5)));
    add("a folded header", |size| {
        format!("Content-Type: multipart/mixed;\n{} boundary=B\n\n--B\n\n--B--\n", " a=b;\n".repeat(size / 6))
    });
    add("parameters", |size| {
        format!("Content-Type: multipart/mixed{}; boundary=B\n\n--B\n\n--B--\n", "; a=b".repeat(size / 5))
    });
    add("blank lines before headers", |size| {
        format!("{HEAD}\n{}--B--\n", "--B\n\n \nContent-Type: text/plain\n\n\n\n#!/bin/sh\n".repeat(size / 45))
    });
    add("blank lines in a part", |size| format!("{HEAD}\n--B\n{}Content-Type: text/plain\n--B--\n", "\n".repeat(size)));
    add("a long boundary", |size| format!("Content-Type: multipart/mixed; boundary={}\n\n--B\n\n", "B".repeat(size)));
    add("a quoted boundary", |size| {
        format!("Content-Type: multipart/mixed; boundary=\"{}\"\n\n--B\n", "\\\\".repeat(size / 2))
    });
    add("comments in a header", |size| {
        format!("Content-Type: multipart/mixed {}; boundary=B\n\n--B\n", "(".repeat(size))
    });
    add("nearly the boundary", |size| {
        let boundary = "-".repeat(60);
        format!(
            "Content-Type: multipart/mixed; boundary=\"{boundary}\"\n\n{}",
            format!("{boundary}-\n").repeat(size / 62)
        )
    });
    add("dashes", |size| {
        format!("Content-Type: multipart/mixed; boundary=\"{}\"\n\n{}", "-".repeat(60), "-".repeat(size))
    });
    add("a long header of a part", |size| format!("{HEAD}\n--B\nX: {}\n\n--B--\n", "a".repeat(size)));
    add("encoded words", |size| {
        format!(
            "{HEAD}\n--B\nContent-Disposition: attachment; filename=\"{}\"\n\n--B--\n",
            "=?utf-8?B?w6k=?= ".repeat(size / 17)
        )
    });
    add("quoted-printable", |size| {
        format!(
            "{HEAD}\n--B\nContent-Transfer-Encoding: quoted-printable\n\n#cloud-config\n{}\n--B--\n",
            "=\n".repeat(size / 2)
        )
    });
    add("multiparts in it", |size| {
        format!(
            "{HEAD}\n{}--B--\n",
            "--B\nContent-Type: multipart/mixed; boundary=C\n\n--C\n\n--C--\n".repeat(size / 60)
        )
    });
    add("multiparts in each other", |size| {
        lines(size, |n| format!("Content-Type: multipart/mixed; boundary=B{n}\n\n--B{n}\n"))
    });
}

#[test]
fn time_grows_with_size_and_no_faster() {
    let inputs = inputs();
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let each = inputs.len().div_ceil(threads);
    std::thread::scope(|scope| {
        // The makers are not shared: each thread has its own.
        for from in (0..inputs.len()).step_by(each) {
            scope.spawn(move || self::inputs().iter().skip(from).take(each).for_each(|(name, make)| grows(name, make)));
        }
    });
}

fn grows(name: &str, make: &Make) {
    let mut measured = (Duration::ZERO, Duration::ZERO);
    // Whatever else this machine does can only make it longer.
    for _ in 0..3 {
        let (small, large) = (make(SMALL), make(SMALL * FACTOR));
        let length = large.len();
        measured.0 = cost(|| validate(small)).0;
        let (took, (_, printed)) = cost(|| validate(large));
        measured.1 = took;
        assert!(printed.len() < 600 * length, "{name}: {} bytes are printed of {length}", printed.len());
        if measured.1 < measured.0 * MOST + NOISE {
            return;
        }
    }
    panic!("{name}: {:?} for {SMALL} bytes, {:?} for {FACTOR} times as many", measured.0, measured.1);
}

/// Prints the time of each input, if the environment asks for it.
#[test]
fn figures() {
    let Some(size) = std::env::var("LIMITS_SIZE").ok().and_then(|size| size.parse().ok()) else { return };
    let mut table = String::new();
    for (name, make) in inputs() {
        let bytes = make(size);
        let length = bytes.len();
        let (took, (rules, printed)) = cost(|| validate(bytes));
        let (millis, first) = (took.as_secs_f64() * 1000.0, rules.first().copied().unwrap_or("nothing"));
        let _ = writeln!(table, "{millis:9.1} ms  {length:9} bytes  {:9} printed  {first:20} {name}", printed.len());
    }
    println!("{table}");
}
