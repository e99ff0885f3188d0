//! Expected texts, and properties: both writers agree for every configuration, and other readers accept the result.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use ignition_config::Config as ParsedIgnition;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

use super::{wrapped, write};
use crate::convert::ignition;
use crate::convert::model::{Config, DropIn, File, Link, Unit, User, Variant};
use crate::plan::Principal;
use crate::text::secret::Secret;

/// A configuration with all fields.
fn complete() -> Config {
    let notes = |text: &str| vec![text.to_owned()];
    let core = User {
        name: "core".to_owned(),
        password_hash: Some(Secret::new("$6$salt$hash".to_owned())),
        ssh_authorized_keys: vec!["ssh-ed25519 AAAA core@host".to_owned(), "ssh-rsa BBBB a: b".to_owned()],
        notes: vec!["one".to_owned(), "two".to_owned()],
        ..User::default()
    };
    let web = User {
        name: "web".to_owned(),
        gecos: Some("Web, 1".to_owned()),
        home_dir: Some("/srv/web".to_owned()),
        no_create_home: true,
        primary_group: Some("www".to_owned()),
        groups: vec!["docker".to_owned(), "no".to_owned()],
        no_user_group: true,
        no_log_init: true,
        shell: Some("/bin/false".to_owned()),
        system: true,
        ..User::default()
    };
    let file = |path: &str, contents: &[u8]| File {
        path: path.to_owned(),
        contents: Secret::new(contents.to_vec()),
        mode: 0o644,
        user: None,
        group: None,
        notes: Vec::new(),
    };
    let own = File {
        mode: 0o600,
        user: Some(Principal::Name("web".to_owned())),
        group: Some(Principal::Id(5)),
        notes: notes("the group must exist"),
        ..file("/srv/a", b"a\n\tb\n")
    };
    let image_unit = Unit {
        name: "docker.service".to_owned(),
        enabled: true,
        drop_ins: vec![DropIn {
            name: "10-env.conf".to_owned(),
            contents: Secret::new("[Service]\nEnvironment=A=b\n".to_owned()),
        }],
        notes: notes("started by systemd"),
        ..Unit::default()
    };
    let own_unit = Unit {
        name: "a.service".to_owned(),
        contents: Some(Secret::new("[Service]\nExecStart=/a\n\n[Install]\nWantedBy=b.target".to_owned())),
        ..Unit::default()
    };
    Config {
        users: vec![core, web],
        files: vec![own, file("/empty", b""), file("/etc/hostname", b"web"), file("/bytes", b"\xff\0")],
        links: vec![Link { path: "/l".to_owned(), target: "../a b".to_owned(), notes: notes("# odd\nnote") }],
        units: vec![image_unit, own_unit, Unit { name: "b.mount".to_owned(), mask: true, ..Unit::default() }],
    }
}

#[test]
fn a_configuration_is_written_as_people_write_it() {
    let header = ["made from a cloud-config".to_owned(), String::new(), "  2 notes".to_owned()];
    assert_eq!(
        write(&complete(), Variant::Flatcar, &header),
        r#"# made from a cloud-config
#
#   2 notes

variant: flatcar
version: 1.1.0
passwd:
  users:
    # one
    # two
    - name: core
      password_hash: $6$salt$hash
      ssh_authorized_keys:
        - ssh-ed25519 AAAA core@host
        - "ssh-rsa BBBB a: b"
    - name: web
      gecos: Web, 1
      home_dir: /srv/web
      no_create_home: true
      primary_group: www
      groups:
        - docker
        - "no"
      no_user_group: true
      no_log_init: true
      shell: /bin/false
      system: true
storage:
  files:
    # the group must exist
    - path: /srv/a
      overwrite: true
      mode: 0600
      user:
        name: web
      group:
        id: 5
      contents:
        inline: |
          a
          	b
    - path: /empty
      overwrite: true
      mode: 0644
      contents:
        inline: ""
    - path: /etc/hostname
      overwrite: true
      mode: 0644
      contents:
        inline: web
    - path: /bytes
      overwrite: true
      mode: 0644
      contents:
        source: "data:;base64,/wA="
  links:
    # # odd\nnote
    - path: /l
      overwrite: true
      target: ../a b
systemd:
  units:
    # started by systemd
    - name: docker.service
      enabled: true
      dropins:
        - name: 10-env.conf
          contents: |
            [Service]
            Environment=A=b
    - name: a.service
      contents: |-
        [Service]
        ExecStart=/a

        [Install]
        WantedBy=b.target
    - name: b.mount
      mask: true
"#
    );
}

#[test]
fn an_empty_configuration_has_a_version_alone() {
    assert_eq!(write(&Config::default(), Variant::Fcos, &[]), "variant: fcos\nversion: 1.5.0\n");
    assert_eq!(ignition::write(&Config::default()), "{\n  \"ignition\": {\n    \"version\": \"3.4.0\"\n  }\n}\n");
}

#[test]
fn json_has_the_names_of_ignition() {
    let expected = json!({
        "ignition": {"version": "3.4.0"},
        "passwd": {"users": [
            {
                "name": "core",
                "passwordHash": "$6$salt$hash",
                "sshAuthorizedKeys": ["ssh-ed25519 AAAA core@host", "ssh-rsa BBBB a: b"],
            },
            {
                "name": "web",
                "gecos": "Web, 1",
                "homeDir": "/srv/web",
                "noCreateHome": true,
                "primaryGroup": "www",
                "groups": ["docker", "no"],
                "noUserGroup": true,
                "noLogInit": true,
                "shell": "/bin/false",
                "system": true,
            },
        ]},
        "storage": {
            "files": [
                {
                    "path": "/srv/a",
                    "overwrite": true,
                    "mode": 384,
                    "user": {"name": "web"},
                    "group": {"id": 5},
                    "contents": {"source": "data:,a%0A%09b%0A"},
                },
                {"path": "/empty", "overwrite": true, "mode": 420, "contents": {"source": "data:,"}},
                {"path": "/etc/hostname", "overwrite": true, "mode": 420, "contents": {"source": "data:,web"}},
                {"path": "/bytes", "overwrite": true, "mode": 420, "contents": {"source": "data:,%FF%00"}},
            ],
            "links": [{"path": "/l", "overwrite": true, "target": "../a b"}],
        },
        "systemd": {"units": [
            {
                "name": "docker.service",
                "enabled": true,
                "dropins": [{"name": "10-env.conf", "contents": "[Service]\nEnvironment=A=b\n"}],
            },
            {"name": "a.service", "contents": "[Service]\nExecStart=/a\n\n[Install]\nWantedBy=b.target"},
            {"name": "b.mount", "mask": true},
        ]},
    });
    assert_eq!(ignition::value(&complete()), expected);
    let text = ignition::write(&complete());
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), expected);
    let starts =
        ["  \"ignition\"", "  \"passwd\"", "  \"storage\"", "  \"systemd\""].map(|key| text.find(key).unwrap());
    assert!(starts.is_sorted() && text.ends_with("  }\n}\n"), "{text}");
}

#[test]
fn long_notes_are_wrapped_at_words() {
    let note = format!("  {} end", "word ".repeat(30).trim_end());
    let lines = wrapped(&note, 60);
    assert_eq!(lines.iter().map(String::len).collect::<Vec<_>>(), [56, 56, 45], "{lines:#?}");
    assert!(lines.iter().all(|line| line.starts_with("  word")), "{lines:#?}");
    let long = "a".repeat(70);
    assert_eq!(wrapped(&format!("b {long} c"), 60), ["b", &long, "c"]);
    assert_eq!(wrapped("", 60), [""]);
    let user = User { name: "core".to_owned(), notes: vec!["é ".repeat(200)], ..User::default() };
    let text = write(&Config { users: vec![user], ..Config::default() }, Variant::Flatcar, &[]);
    let widths: Vec<_> = text.lines().filter(|line| line.contains('#')).map(|line| line.chars().count()).collect();
    assert_eq!(widths.len(), 5, "{text}");
    assert!(widths[..4].iter().all(|width| (99..=100).contains(width)), "{text}");
}

/// Ignition's configuration for one of Butane, as far as it is used here.
fn translated(butane: &str) -> Value {
    let mut value: Value = serde_yaml::from_str(butane).unwrap_or_else(|error| panic!("{error}: {butane}"));
    let root = value.as_object_mut().unwrap();
    assert_eq!(root.remove("variant"), Some(json!("flatcar")));
    assert_eq!(root.remove("version"), Some(json!("1.1.0")));
    for (object, lists) in [("passwd", &["users"][..]), ("storage", &["files", "links"]), ("systemd", &["units"])] {
        let Some(object) = root.get_mut(object) else { continue };
        for list in lists {
            let Some(entries) = object.get_mut(list) else { continue };
            for entry in entries.as_array_mut().unwrap() {
                let fields = std::mem::take(entry.as_object_mut().unwrap());
                *entry = Value::Object(fields.into_iter().map(|(key, value)| field(key, value)).collect());
            }
        }
    }
    root.insert("ignition".to_owned(), json!({"version": "3.4.0"}));
    value
}

fn field(key: String, value: Value) -> (String, Value) {
    match key.as_str() {
        // YAML 1.2 has other octal numbers.
        "mode" => (key, json!(u32::from_str_radix(value.as_str().unwrap(), 8).unwrap())),
        "contents" if value.is_object() => match value.get("inline") {
            Some(text) => (key, json!({"decoded": text.as_str().unwrap().as_bytes()})),
            None => (key, value),
        },
        _ => {
            let mut words = key.split('_');
            let first = words.next().unwrap().to_owned();
            (words.fold(first, |name, word| name + &word[..1].to_uppercase() + &word[1..]), value)
        }
    }
}

/// Replaces the contents of files with their bytes.
fn decoded(mut config: Value) -> Value {
    let files = config.get_mut("storage").and_then(|storage| storage.get_mut("files"));
    for file in files.and_then(Value::as_array_mut).into_iter().flatten() {
        let contents = &mut file["contents"];
        let Some(source) = contents.get("source") else { continue };
        let source = source.as_str().unwrap().strip_prefix("data:").unwrap();
        let bytes = match source.strip_prefix(";base64,") {
            Some(encoded) => BASE64_STANDARD.decode(encoded).unwrap(),
            None => unescaped(source.strip_prefix(',').unwrap()),
        };
        *contents = Value::Object(Map::from_iter([("decoded".to_owned(), json!(bytes))]));
    }
    config
}

fn unescaped(text: &str) -> Vec<u8> {
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap().as_bytes().to_vec();
    for part in parts {
        bytes.push(u8::from_str_radix(&part[..2], 16).unwrap());
        bytes.extend(part[2..].bytes());
    }
    bytes
}

const PIECES: &[&str] = &[
    "a", "b", "0", "é", "😀", " ", "  ", "\t", "\n", "\n", "\n", "\n\n", " \n", "\n ", "\n\t", "\r", "\r\n",
    "\u{feff}", "\u{85}", "\u{2028}", "\u{fffe}", "\0", "\u{1}", "\u{1b}", "---", "\n---\n", "\n...\n", "# x", " #",
    ": ", "- ", "? ", "|", ">", "'", "\"", "\\", "%", "~", "<<", "!", "&", "*", "{", "[", ",", "yes", "null",
];

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => vec(select(PIECES), 0..8).prop_map(|pieces| pieces.concat()),
        1 => any::<String>(),
    ]
}

fn secret() -> impl Strategy<Value = Secret<String>> {
    text().prop_map(Secret::new)
}

fn principal() -> impl Strategy<Value = Option<Principal>> {
    option::of(prop_oneof![any::<u32>().prop_map(Principal::Id), text().prop_map(Principal::Name)])
}

fn user() -> impl Strategy<Value = User> {
    let texts = (text(), option::of(secret()), option::of(text()), option::of(text()), option::of(text()));
    let lists = (vec(text(), 0..3), vec(text(), 0..3), vec(text(), 0..2));
    (texts, option::of(text()), lists, any::<[bool; 4]>()).prop_map(|(texts, shell, lists, flags)| {
        let (name, password_hash, gecos, home_dir, primary_group) = texts;
        let (ssh_authorized_keys, groups, notes) = lists;
        let [no_create_home, no_user_group, no_log_init, system] = flags;
        User {
            name,
            password_hash,
            ssh_authorized_keys,
            gecos,
            home_dir,
            no_create_home,
            primary_group,
            groups,
            no_user_group,
            no_log_init,
            shell,
            system,
            notes,
        }
    })
}

fn file() -> impl Strategy<Value = File> {
    let bytes = prop_oneof![3 => text().prop_map(String::into_bytes), 1 => vec(any::<u8>(), 0..20)];
    (text(), bytes, 0..0o1000u32, principal(), principal(), vec(text(), 0..2)).prop_map(
        |(path, contents, mode, user, group, notes)| File {
            path,
            contents: Secret::new(contents),
            mode,
            user,
            group,
            notes,
        },
    )
}

fn unit() -> impl Strategy<Value = Unit> {
    let drop_in = (text(), secret()).prop_map(|(name, contents)| DropIn { name, contents });
    (text(), any::<bool>(), any::<bool>(), option::of(secret()), vec(drop_in, 0..3), vec(text(), 0..2)).prop_map(
        |(name, enabled, mask, contents, drop_ins, notes)| Unit { name, enabled, mask, contents, drop_ins, notes },
    )
}

fn config() -> impl Strategy<Value = Config> {
    let link = (text(), text(), vec(text(), 0..2)).prop_map(|(path, target, notes)| Link { path, target, notes });
    (vec(user(), 0..3), vec(file(), 0..3), vec(link, 0..3), vec(unit(), 0..3))
        .prop_map(|(users, files, links, units)| Config { users, files, links, units })
}

proptest! {
    #[test]
    fn butane_and_ignition_have_the_same_values(config in config(), header in vec(text(), 0..3)) {
        let butane = write(&config, Variant::Flatcar, &header);
        prop_assert_eq!(decoded(translated(&butane)), decoded(ignition::value(&config)), "{}", butane);
    }

    #[test]
    fn ignition_config_knows_every_key(config in config()) {
        let text = ignition::write(&config);
        let (parsed, warnings) = ParsedIgnition::parse_str(&text).unwrap();
        prop_assert!(warnings.is_empty(), "{:?}", warnings);
        prop_assert!(matches!(parsed, ParsedIgnition::V3_4(_)));
        prop_assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), ignition::value(&config));
    }
}
