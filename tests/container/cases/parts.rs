//! What user-data can be, and how its first bytes tell.

use crate::testbed::{Machine, Suite};

fn wrote(m: &Machine) -> bool {
    let there = m.exists("/etc/part");
    m.sh("rm -f /etc/part");
    there
}

pub fn cases(suite: &mut Suite) {
    suite.shared("nothing_is_nothing_to_do", |m| {
        m.put("/tmp/empty", "");
        m.program(&["--from-file=/tmp/empty"]).run().ok();
        m.apply("#cloud-config").ok();
        m.apply("#cloud-config\n").ok();
        m.apply("#cloud-config\n# a comment\n---\n").ok();
    });

    suite.shared("the_first_line_may_have_white_space_behind_it", |m| {
        for text in [
            "#cloud-config \t\nwrite_files: [{path: /etc/part}]",
            "#cloud-config\r\nwrite_files: [{path: /etc/part}]\r\n",
            "\u{feff}#cloud-config\nwrite_files: [{path: /etc/part}]\n",
            "#cloud-config\n---\nwrite_files: [{path: /etc/part}]\n...\n",
        ] {
            m.put("/tmp/part", text);
            m.program(&["--from-file=/tmp/part"]).run().ok();
            assert!(wrote(m), "{text:?}");
        }
    });

    suite.shared("what_nobody_knows_fails_the_run", |m| {
        for text in ["write_files: [{path: /etc/part}]\n", "#cloud-configuration\n", " #cloud-config\n", "hello\n"] {
            m.put("/tmp/part", text);
            m.program(&["--from-file=/tmp/part"]).run().fails().says(&["unknown-form"]);
            assert!(!wrote(m), "{text:?}");
        }
    });

    suite.shared("ignition_is_left_to_ignition", |m| {
        for text in ["{\"ignition\": {\"version\": \"3.4.0\"}}", "{\n \"ignitionVersion\": 1}"] {
            m.put("/tmp/part", text);
            m.program(&["--from-file=/tmp/part"]).run().ok().says(&["Ignition"]);
        }
    });

    suite.shared("only_the_first_document_is_read", |m| {
        m.apply(
            "#cloud-config\nwrite_files: [{path: /etc/part, content: first}]\n---\nwrite_files: [{path: /etc/part2}]\n",
        )
        .ok()
        .says(&["more-documents"]);
        m.absent("/etc/part2");
        assert!(wrote(m));
    });

    suite.shared("a_template_is_read_as_it_stands", |m| {
        m.apply("## template: jinja\n#cloud-config\nwrite_files: [{path: /etc/part, content: 'a {{ ds.x }} b'}]\n")
            .ok()
            .says(&["template"]);
        assert_eq!(m.text("/etc/part"), "a {{ ds.x }} b");
        assert!(wrote(m));
    });

    suite.shared("bytes_that_are_no_text_make_it_unreadable", |m| {
        m.put("/tmp/part", b"#cloud-config\nwrite_files: [{path: /etc/part, content: '\xff\xfe'}]\n");
        m.program(&["--from-file=/tmp/part"]).run().fails().says(&["not-utf8"]);
        assert!(!wrote(m));
    });

    suite.shared("limits_end_with_an_error_and_nothing_applied", |m| {
        let deep = format!("#cloud-config\nwrite_files: [{{path: /etc/part}}]\nx: {}{}\n", "[".repeat(200), "]".repeat(200));
        let many = format!("#cloud-config\nwrite_files: [{{path: /etc/part}}]\nx: [{}]\n", "a,".repeat(10_050));
        let bomb = "#cloud-config\nwrite_files: [{path: /etc/part}]\na: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\n\
                    c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\n\
                    f: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e]\n";
        for text in [&*deep, &many, bomb] {
            m.put("/tmp/part", text);
            m.program(&["--from-file=/tmp/part"]).run().fails().says(&["limit"]);
            assert!(!wrote(m));
        }
        m.put("/tmp/part", format!("#cloud-config\n#{}\n", "x".repeat(17 << 20)));
        m.program(&["--from-file=/tmp/part"]).run().fails();
    });

    suite.shared("a_file_that_is_not_there_is_waited_for", |m| {
        m.sh("rm -f /tmp/later");
        let run = m.program(&["--from-file=/tmp/later"]).start();
        m.sh("sleep 1; printf '#cloud-config\\nwrite_files: [{path: /etc/part}]\\n' > /tmp/late; mv /tmp/late /tmp/later");
        let run = run.finish(std::time::Duration::from_secs(40));
        assert_eq!(run.code, 0, "{run}");
        assert!(wrote(m));
        m.program(&["--from-file=/tmp/nowhere", "--deadline=1"]).run().fails();
    });
}
