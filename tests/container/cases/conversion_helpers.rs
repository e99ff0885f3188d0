//! The helpers that a conversion generates, at work: addresses at boot, lines of tmpfiles, imports of keys, commands in order.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use super::conversion::{Converted, METADATA, convert_file, example, flatcar, verify};
use crate::testbed::machine::dedent;
use crate::testbed::{Boot, Machine, PROGRAM, Suite, command, sandbox};

/// The formats of Butane.
const TARGETS: [&str; 2] = ["butane", "butane-fcos"];

/// A configuration that needs every helper.
const EVERY_HELPER: &str = r##"
    Content-Type: multipart/mixed; boundary="xyz"
    MIME-Version: 1.0

    --xyz
    Content-Type: text/cloud-config

    #cloud-config
    users:
      - name: ada
        coreos_ssh_import_url: http://127.0.0.1:8099/keys
      - name: carl
    write_files:
      - path: /etc/app/addresses.conf
        permissions: "0640"
        owner: ada:ada
        content: |
          private=$private_ipv4 public=$public_ipv4
          written=\$private_ipv4
      - path: /etc/app/of a guest.conf
        permissions: "4750"
        owner: guest:guests
        content: private $private_ipv4
      - path: /etc/app/unknown-owner.conf
        owner: absent
        content: private $private_ipv4
      - path: /run/app/address
        permissions: "0600"
        content: private $private_ipv4
      - path: "/run/app/deep/odd 'name' %h "
        permissions: "0640"
        owner: ada
        content: fresh at each boot
      - path: /var/run/app-by-link/file
        content: fresh at each boot
      - path: /run/app/set-id
        permissions: "2755"
        owner: guest:guests
        content: fresh at each boot
      - path: /opt/bin/set-id
        permissions: "4755"
        content: "#!/bin/sh\n"
      - path: /opt/bin/[a] {b} guest's\*
        permissions: "6711"
        owner: guest:guests
        content: "#!/bin/sh\n"
      - path: /opt/bin/unknown-owner
        permissions: "2750"
        owner: absent
        content: kept
    coreos:
      locksmith:
        etcd_username: locks
        etcd_password: hunter2
      units:
        - name: assigns.service
          command: start
          content: |
            [Service]
            Type=oneshot
            RemainAfterExit=yes
            Environment="SEEN=at $private_ipv4" PLAIN=50%%
            Environment=OTHER=here
            ExecStart=/bin/sh -c 'echo "$SEEN $PLAIN $OTHER" > /run/assigns'
        - name: runs.service
          command: start
          content: |
            [Service]
            Type=oneshot
            RemainAfterExit=yes
            ExecStart=/bin/sh -c 'echo "$$1" > /run/runs' sh http://$private_ipv4:80/
        - name: environment.service
          command: start
          content: |
            [Service]
            Type=oneshot
            RemainAfterExit=yes
            EnvironmentFile=/etc/environment
            ExecStart=/bin/sh -c 'echo "${COREOS_PUBLIC_IPV4} ${LINE}" > /run/environment'
        - name: copies.service
          command: start
          content: |
            [Service]
            Type=oneshot
            RemainAfterExit=yes
            ExecStart=/bin/cp /etc/app/addresses.conf /run/copies
        - name: locksmithd.service
          command: restart
        - name: docker.service
          command: start
          drop_ins:
            - name: 10-address.conf
              content: |
                [Service]
                Environment=DOCKER_OPTS=--ip=$private_ipv4
    --xyz
    Content-Type: text/x-shellscript

    #!/bin/sh
    # The boot does not wait for a script.
    systemctl is-system-running --wait
    echo "script at $private_ipv4" > /run/script
    --xyz--
"##;
/// An image with all that `EVERY_HELPER` names, and a server of keys.
fn image(configs: impl IntoIterator<Item = Value>) -> Boot {
    const SERVE: &str = r#"
        #!/bin/sh
        read -r _ path _
        case $path in
          /keys) status=200 body='[{"id": 1, "key": "ssh-ed25519 AAAA one"}, {"id": 2, "key": "ssh-ed25519 BBBB two"}]' ;;
          /octo.keys) status=200 body='ssh-ed25519 CCCC' ;;
          /none) status=200 body='[]' ;;
          *) status=404 body=missing ;;
        esac
        printf 'HTTP/1.0 %s Answer\r\nContent-Length: %s\r\n\r\n%s' "$status" "${#body}" "$body"
        "#;
    const UPDATE_SSH_KEYS: &str = "#!/bin/sh\n[ \"$1 $3\" = '-u -a' ] && cat > \"/run/keys-$2-$4\"\n";
    flatcar()
        .file("/etc/environment", "# of the image\nLINE=kept\nCOREOS_PRIVATE_IPV4=192.0.2.1\n")
        .file("/usr/lib/sysusers.d/guest.conf", "u guest 444 - -\ng guests 445 - -\n")
        .file_mode("/usr/bin/update-ssh-keys", UPDATE_SSH_KEYS, 0o755)
        .file_mode("/usr/share/testbed/serve", dedent(SERVE), 0o755)
        .file("/usr/lib/systemd/system/keys.socket", "[Socket]\nListenStream=127.0.0.1:8099\nAccept=yes\n")
        .file(
            "/usr/lib/systemd/system/keys@.service",
            "[Service]\nExecStart=/usr/share/testbed/serve\nStandardInput=socket\nStandardError=journal\n",
        )
        .link("/usr/lib/systemd/system/sockets.target.wants/keys.socket", "../keys.socket")
        .ignition(configs)
}

/// Writes user-data to a file of the host.
fn write_user_data(text: &str) -> PathBuf {
    let path = sandbox::machines().join(format!("user-data-{:?}", std::thread::current().id()));
    fs::write(&path, dedent(text)).expect("it is a file system in memory");
    path
}

fn convert(text: &str, flags: &[&str]) -> Converted {
    convert_file(&write_user_data(text), flags)
}

/// The result as Butane writes it.
fn to_butane(path: &Path, target: &str) -> String {
    let mut command = Command::new(PROGRAM);
    command.arg(format!("--convert-to={target}")).arg(format!("--from-file={}", path.display()));
    command::run(&mut command, Duration::from_secs(60)).stdout
}

/// Checks imports of keys that the boot does not have: other formats, and failures.
fn imports_fail_softly(m: &Machine) {
    let import = |format: &str, path: &str| {
        let url = format!("http://127.0.0.1:8099{path}");
        m.run(&["/bin/sh", "/etc/cloud-config/import-keys.sh", "carl", "set", format, &url])
    };
    import("lines", "/octo.keys").ok();
    assert_eq!(m.text("/run/keys-carl-set"), "ssh-ed25519 CCCC\n");
    import("json", "/none").fails().says(&["no keys at http://127.0.0.1:8099/none"]);
    for (format, path) in [("lines", "/missing"), ("json", "/octo.keys")] {
        assert_ne!(import(format, path).code, 0, "{path}");
    }
    assert_eq!(m.text("/run/keys-carl-set"), "ssh-ed25519 CCCC\n");
    // Fedora CoreOS reads the keys of all files in a directory.
    let files = files_of_butane(&to_butane(&write_user_data(EVERY_HELPER), "butane-fcos"));
    let (path, script) = files.iter().find(|(path, _)| path.ends_with("/import-keys.sh")).expect("it is there");
    m.put(path, script);
    import("lines", "/octo.keys").ok();
    let ids =
        |m: &Machine| (m.sh("id -u carl").parse().expect("a number"), m.sh("id -g carl").parse().expect("a number"));
    m.is_file("/home/carl/.ssh/authorized_keys.d/set", "ssh-ed25519 CCCC\n", 0o600, ids(m));
    for directory in ["/home/carl/.ssh", "/home/carl/.ssh/authorized_keys.d"] {
        assert_eq!((m.mode(directory), m.owner(directory)), (0o700, ids(m)), "{directory}");
    }
}

/// Checks what the addresses of `EVERY_HELPER` became.
fn addresses_are(m: &Machine, private: &str, public: &str) {
    let ada = (m.sh("id -u ada").parse().expect("a number"), m.sh("id -g ada").parse().expect("a number"));
    let text = format!("private={private} public={public}\nwritten=$private_ipv4\n");
    m.is_file("/etc/app/addresses.conf", &text, 0o640, ada);
    m.is_file("/etc/app/of a guest.conf", &format!("private {private}"), 0o4750, (444, 445));
    m.is_file("/run/app/address", &format!("private {private}"), 0o600, (0, 0));
    assert_eq!(m.text("/run/assigns"), format!("at {private} 50% here\n"));
    assert_eq!(m.text("/run/runs"), format!("http://{private}:80/\n"));
    assert_eq!(m.text("/run/environment"), format!("{public} kept\n"));
    assert_eq!(m.text("/run/copies"), text);
    m.sh("until [ -s /run/script ]; do sleep 0.1; done");
    assert_eq!(m.text("/run/script"), format!("script at {private}\n"));
    assert_eq!(m.variables("docker.service", "DOCKER_OPTS="), [format!("DOCKER_OPTS=--ip={private}")]);
    // The names of a metadata agent are not handed on, and nothing is left over.
    let mut lines = vec![("PRIVATE_IPV4", private), ("PRIVATE_IPV6", ""), ("PUBLIC_IPV4", public), ("PUBLIC_IPV6", "")];
    let line = |(name, value): &(&str, &str)| format!("COREOS_{name}={value}\n");
    let all: String = lines.iter().map(line).collect();
    m.is_file("/run/cloud-config/addresses.env", &all, 0o644, (0, 0));
    lines.retain(|(_, value)| !value.is_empty());
    let known: String = lines.iter().map(line).collect();
    m.is_file("/etc/environment", &format!("# of the image\nLINE=kept\n{known}"), 0o644, (0, 0));
    assert_eq!(m.sh("find /etc /run -name '*.new'"), "");
    m.absent("/etc/app/unknown-owner.conf");
}

/// Checks the files that `systemd-tmpfiles` makes.
fn files_are_made(m: &Machine) {
    let ada = (m.sh("id -u ada").parse().expect("a number"), 0);
    m.is_file("/run/app/deep/odd 'name' %h ", "fresh at each boot", 0o640, ada);
    m.is_file("/run/app-by-link/file", "fresh at each boot", 0o644, (0, 0));
    assert!(!m.whole_log().contains("is not a directory"), "{}", m.whole_log());
    m.is_file("/run/app/set-id", "fresh at each boot", 0o2755, (444, 445));
    m.is_file("/opt/bin/set-id", "#!/bin/sh\n", 0o4755, (0, 0));
    m.is_file(r"/opt/bin/[a] {b} guest's\*", "#!/bin/sh\n", 0o6711, (444, 445));
    // systemd-tmpfiles skips the line of an owner that does not exist.
    m.is_file("/opt/bin/unknown-owner", "kept", 0o750, (0, 0));
    for directory in ["/run/app", "/run/app/deep"] {
        assert_eq!((m.mode(directory), m.owner(directory)), (0o755, (0, 0)), "{directory}");
    }
}

/// The failed units.
fn failed(m: &Machine) -> String {
    m.sh("systemctl list-units --failed --no-legend --plain | cut -d' ' -f1")
}

/// Unit commands that depend on their order, and a unit with an address of a platform.
const ORDERED: &str = r#"
    #cloud-config
    coreos:
      units:
        - name: update-engine.service
          command: stop
        - name: b.service
          command: start
          content: |
            [Service]
            Type=oneshot
            RemainAfterExit=yes
            ExecStart=/bin/sh -c 'systemctl is-active update-engine.service >> /run/order; echo b >> /run/order'
        - name: late.service
          command: start
          content: |
            [Unit]
            After=multi-user.target
            [Service]
            ExecStart=/bin/sleep infinity
        - name: a.service
          command: start
          content: |
            [Service]
            Type=oneshot
            RemainAfterExit=yes
            ExecStart=/bin/sh -c 'echo "a $$1" >> /run/order' sh $private_ipv4
        - name: locksmithd.service
          command: restart
"#;

/// Returns the files of a Butane configuration: path and text.
fn files_of_butane(text: &str) -> Vec<(String, String)> {
    let config: serde_yaml::Value = serde_yaml::from_str(text).expect("it is YAML");
    let files = config["storage"]["files"].as_sequence().expect("there are files");
    let field = |value: &serde_yaml::Value| value.as_str().unwrap_or_default().to_owned();
    files.iter().map(|file| (field(&file["path"]), field(&file["contents"]["inline"]))).collect()
}

pub fn cases(suite: &mut Suite) {
    suite.plain("every_helper_works_at_each_boot", || {
        let converted = convert(EVERY_HELPER, &[]);
        assert_eq!(converted.code, Some(0), "{}", converted.report);
        let options = image([converted.json.clone()]);
        let mut m = options.boot();
        verify(&m, &converted);
        for addresses in ["10.1.2.3", "10.9.9.9"] {
            // One of its files has an owner that does not exist; everything else is done.
            assert_eq!(failed(&m), "cloud-config-addresses.service", "{}", m.whole_log());
            assert!(m.whole_log().contains("/etc/app/unknown-owner.conf: not written"));
            assert!(!m.whole_log().contains("unknown address"));
            addresses_are(&m, addresses, "203.0.113.9");
            files_are_made(&m);
            m.sh("until [ -s /run/keys-ada-coreos-cloudinit-ada ]; do sleep 0.1; done");
            m.is_file(
                "/run/keys-ada-coreos-cloudinit-ada",
                "ssh-ed25519 AAAA one\nssh-ed25519 BBBB two\n",
                0o644,
                (0, 0),
            );
            m.put("/usr/share/testbed/metadata", METADATA.replace("10.1.2.3", "10.9.9.9"));
            if addresses == "10.1.2.3" {
                m.reboot(&options);
            }
        }
        imports_fail_softly(&m);
    });

    suite.plain("unknown_addresses_are_logged_and_empty", || {
        let without_owner = EVERY_HELPER.replace("owner: absent", "owner: root");
        let converted = convert(&without_owner, &[]);
        let boot = image([converted.json]).link("/etc/systemd/system/coreos-metadata.service", "/dev/null");
        let m = boot.boot();
        assert_eq!(failed(&m), "", "{}", m.whole_log());
        let log = m.sh("journalctl --priority=warning --output=cat --unit=cloud-config-addresses.service");
        let place = "unknown address; empty in files and units (set it in /etc/cloud-config/addresses)";
        assert_eq!(log, format!("COREOS_PRIVATE_IPV4: {place}\nCOREOS_PUBLIC_IPV4: {place}"));
        assert_eq!(m.text("/etc/app/addresses.conf"), "private= public=\nwritten=$private_ipv4\n");
        assert_eq!(m.text("/run/runs"), "http://:80/\n");
        assert_eq!(m.text("/etc/environment"), "# of the image\nLINE=kept\nCOREOS_PRIVATE_IPV4=192.0.2.1\n");
        // They can be set by hand.
        m.put("/etc/cloud-config/addresses", "COREOS_PUBLIC_IPV4=198.51.100.7\n");
        m.sh("systemctl restart cloud-config-addresses.service");
        assert_eq!(m.text("/etc/app/addresses.conf"), "private= public=198.51.100.7\nwritten=$private_ipv4\n");
        let environment = "# of the image\nLINE=kept\nCOREOS_PRIVATE_IPV4=192.0.2.1\nCOREOS_PUBLIC_IPV4=198.51.100.7\n";
        assert_eq!(m.text("/etc/environment"), environment);
    });

    suite.plain("commands_are_run_in_their_order", || {
        let converted = convert(ORDERED, &["--ordered", "--platform=ec2-compat"]);
        assert_eq!(converted.code, Some(0), "{}", converted.report);
        let m = image([converted.json.clone()]).boot();
        verify(&m, &converted);
        assert_eq!(failed(&m), "", "{}", m.whole_log());
        assert_eq!(m.text("/run/order"), "inactive\nb\na 10.1.2.3\n");
        assert_eq!(m.active("update-engine.service"), "inactive");
        for unit in ["late.service", "locksmithd.service", "cloud-config-commands.service"] {
            assert_eq!(m.active(unit), "active", "{unit}\n{}", m.whole_log());
        }
        // systemd 247 logs the description of a unit without its name.
        let stopped = ["Stopped locksmithd.service", "Stopped Stand-in for locksmithd"];
        let log = m.whole_log();
        assert!(stopped.iter().any(|words| log.contains(words)), "it was not restarted\n{log}");
    });

    suite.plain("every_generated_script_is_clean", || {
        let examples = ["addresses.yml", "legacy-cluster.yml"].map(example);
        let helpers = write_user_data(EVERY_HELPER);
        let mut scripts = BTreeSet::new();
        for (path, target) in examples.iter().chain([&helpers]).flat_map(|path| TARGETS.map(|target| (path, target))) {
            let found = files_of_butane(&to_butane(path, target));
            let is_generated = |path: &str| Path::new(path).parent() == Some(Path::new("/etc/cloud-config"));
            scripts.extend(found.into_iter().filter(|(path, text)| is_generated(path) && text.starts_with("#!")));
        }
        let names: BTreeSet<_> = scripts.iter().map(|(path, _)| path.rsplit('/').next().unwrap_or_default()).collect();
        assert_eq!(names, BTreeSet::from(["addresses.sh", "import-keys.sh"]));
        assert!(scripts.len() > 5, "only {} scripts are generated", scripts.len());
        for (_, text) in scripts {
            let path = sandbox::machines().join("script.sh");
            fs::write(&path, &text).expect("it is a file system in memory");
            let said = command::run(Command::new("shellcheck").arg("-x").arg(&path), Duration::from_secs(60));
            assert_eq!((said.code, said.stdout.as_str()), (0, ""), "{said}\n{text}");
        }
    });
}
