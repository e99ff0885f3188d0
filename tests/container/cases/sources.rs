//! Data sources, as platforms lay them out and serve them, with the results of a run on each.

use std::time::{Duration, Instant};

use super::keys::key;
use crate::testbed::web::{Answer, Asked, body, status};
use crate::testbed::{Machine, Suite};

/// The address of metadata services.
const SERVICE: &str = "169.254.169.254";
const ROOT: (u32, u32) = (0, 0);
const CORE_KEYS: &str = "/home/core/.ssh/authorized_keys";
const DRIVE: &str = "/media/configdrive/openstack";

pub fn cases(suite: &mut Suite) {
    ec2(suite);
    platforms(suite);
    failures(suite);
    directories(suite);
    waits(suite);
    network(suite);
}

/// EC2's service, which requires a token; `user_data` and `keys` are its contents at these paths.
fn guarded(user_data: &'static str, keys: &'static str) -> impl Fn(usize, &Asked) -> Answer + Send + Sync {
    move |_, asked| {
        if (asked.method.as_str(), asked.path.as_str()) == ("PUT", "/latest/api/token") {
            return body("hunter2-token");
        }
        if asked.header("X-aws-ec2-metadata-token") != Some("hunter2-token") {
            return status(401);
        }
        match asked.path.as_str() {
            "/2009-04-04/" => body("meta-data\nuser-data"),
            "/2009-04-04/user-data" if !user_data.is_empty() => body(user_data),
            "/2009-04-04/meta-data/hostname" => body("ec2.internal ec2.example.com"),
            "/2009-04-04/meta-data/local-ipv4" => body("10.0.0.4"),
            "/2009-04-04/meta-data/public-ipv4" => body("203.0.113.9"),
            "/2009-04-04/meta-data/public-keys" => body(keys),
            "/2009-04-04/meta-data/public-keys/0/openssh-key" => body(key("platform")),
            _ => status(404),
        }
    }
}

fn hostname(m: &Machine) -> String {
    m.sh("hostnamectl --static")
}

fn ec2(suite: &mut Suite) {
    suite.fresh("a_platform_is_asked_and_its_user_data_applied", |m| {
        const USER_DATA: &str = "#cloud-config\nwrite_files:\n- {path: /etc/address, content: $private_ipv4}\n";
        let service = m.serve_at(SERVICE, 80, guarded(USER_DATA, "0=platform"));
        m.program(&["--oem=ec2-compat"]).run().ok().hides(&["hunter2"]);
        assert_eq!(hostname(m), "ec2.internal");
        assert!(m.text(CORE_KEYS).contains(&key("platform")));
        m.is_file("/etc/address", "10.0.0.4", 0o644, ROOT);
        let environment = m.text("/etc/environment");
        assert!(
            environment.contains("COREOS_PRIVATE_IPV4=10.0.0.4\nCOREOS_PUBLIC_IPV4=203.0.113.9\n"),
            "{environment}"
        );
        let tokens = service.paths().iter().filter(|path| *path == "PUT /latest/api/token").count();
        assert!((1..=2).contains(&tokens), "one to look and one to read: {:?}", service.paths());
        let status = m.program(&["--status"]).run().ok();
        assert!(status.stdout.contains("http://169.254.169.254/2009-04-04/user-data"), "{}", status.stdout);
        m.untouched(|| m.program(&["--oem=ec2-compat"]).run().ok());
    });

    suite.fresh("settings_of_the_user_win_and_keys_are_added", |m| {
        let text = format!("#cloud-config\nhostname: mine\nssh_authorized_keys: ['{}']\n", key("mine"));
        let text: &'static str = Box::leak(text.into_boxed_str());
        m.serve_at(SERVICE, 80, guarded(text, "0=platform"));
        m.program(&["--from-ec2-metadata=http://169.254.169.254/"]).run().ok();
        assert_eq!(hostname(m), "mine");
        let keys = m.text(CORE_KEYS);
        let (mine, theirs) = (keys.find(&key("mine")), keys.find(&key("platform")));
        assert!(mine.is_some() && mine < theirs, "{keys}");
    });

    suite.fresh("without_user_data_the_meta_data_is_applied", |m| {
        m.serve_at(SERVICE, 80, guarded("", "0=platform"));
        m.program(&["--oem=ec2-compat"]).run().ok();
        assert_eq!(hostname(m), "ec2.internal");
        assert!(m.text(CORE_KEYS).contains(&key("platform")));
    });

    suite.fresh("looking_changes_nothing_and_names_everything", |m| {
        const USER_DATA: &str = "#cloud-config\nwrite_files:\n- {path: /etc/address, content: $private_ipv4}\n";
        m.serve_at(SERVICE, 80, guarded(USER_DATA, "0=platform"));
        m.untouched(|| {
            let run = m.program(&["--oem=ec2-compat", "--dry-run"]).run().ok();
            for step in ["set host name ec2.internal", "authorize 1 key of user core", "write /etc/address"] {
                assert!(run.stdout.contains(step), "{step}");
            }
            m.program(&["--oem=ec2-compat", "--validate"]).run().ok();
            let printed = m.program(&["--oem=ec2-compat", "--print-config"]).run().ok();
            assert!(printed.stdout.contains("/etc/address"));
        });
    });
}

fn platforms(suite: &mut Suite) {
    suite.fresh("a_service_of_another_platform_is_not_requested", |m| {
        const USER_DATA: &str = "#cloud-config\nwrite_files:\n- {path: /etc/address, content: $private_ipv4}\n";
        let server = m.serve_at(SERVICE, 80, |_, asked| match asked.path.as_str() {
            "/hetzner/v1/metadata" => body(format!("hostname: web\npublic-keys: ['{}']\n", key("platform"))),
            "/hetzner/v1/metadata/private-networks" => body("- ip: 10.0.0.4\n"),
            "/hetzner/v1/userdata" => body(USER_DATA),
            _ => status(404),
        });
        let flag = "--from-hetzner-metadata=http://169.254.169.254/";
        m.put("/root/cmdline", "quiet flatcar.oem.id=other\n");
        m.sh("mount --bind /root/cmdline /proc/cmdline");
        let reason = "hetzner/v1/userdata: the machine is not on Hetzner; not requested";
        m.program(&[flag]).run().fails().says(&["no data source available", reason]);
        assert_eq!(server.paths(), <[String; 0]>::default());
        m.program(&[flag, "--ignore-platform"]).run().ok();
        assert_eq!(hostname(m), "web");
        assert!(m.text(CORE_KEYS).contains(&key("platform")));
        m.is_file("/etc/address", "10.0.0.4", 0o644, ROOT);
        m.put("/root/cmdline", "quiet flatcar.oem.id=hetzner\n");
        m.untouched(|| m.program(&[flag]).run().ok());
    });
}

fn failures(suite: &mut Suite) {
    suite.fresh("unreadable_meta_data_is_skipped_with_its_dependents", |m| {
        const USER_DATA: &str = "Content-Type: multipart/mixed; boundary=B\n\n\
            --B\nContent-Type: text/cloud-config\n\n#cloud-config\nwrite_files: [{path: /etc/plain, content: x}]\n\
            --B\nContent-Type: text/cloud-config\n\n#cloud-config\nwrite_files: [{path: /etc/token, content: $public_ipv6}]\n\
            --B--\n";
        m.serve_at(SERVICE, 80, guarded(USER_DATA, "no number and no name"));
        m.program(&["--oem=ec2-compat"]).run().fails().says(&[
            "public-keys",
            "user-data:part-2: failed to read the metadata for its address tokens; only the host name and SSH keys are applied",
        ]);
        assert_eq!(hostname(m), "ec2.internal", "what could be read counts");
        assert_eq!(m.text("/etc/plain"), "x");
        m.absent("/etc/token");
    });

    suite.fresh("user_data_that_cannot_be_fetched_does_not_cost_access", |m| {
        let service = guarded("", "0=platform");
        m.serve_at(SERVICE, 80, move |number, asked| match asked.path.as_str() {
            "/2009-04-04/user-data" => Answer::Silence,
            _ => service(number, asked),
        });
        let began = Instant::now();
        m.program(&["--oem=ec2-compat", "--deadline=8"]).run().fails().says(&["user-data"]);
        assert!(began.elapsed() < Duration::from_secs(12), "{:?}", began.elapsed());
        assert_eq!(hostname(m), "ec2.internal");
        assert!(m.text(CORE_KEYS).contains(&key("platform")));
    });

    suite.fresh("meta_data_that_cannot_be_fetched_leaves_time_for_the_user_data", |m| {
        let service = guarded("#cloud-config\nhostname: mine\n", "0=platform");
        m.serve_at(SERVICE, 80, move |number, asked| match asked.path.as_str() {
            path if path.starts_with("/2009-04-04/meta-data/") => Answer::Silence,
            _ => service(number, asked),
        });
        let began = Instant::now();
        m.program(&["--oem=ec2-compat", "--deadline=12"]).run().fails().says(&["public-keys", "hostname: timed out"]);
        assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
        assert_eq!(hostname(m), "mine");
    });

    suite.fresh("a_broken_document_does_not_cost_the_platforms_keys_even_when_strict", |m| {
        m.serve_at(SERVICE, 80, guarded("#cloud-config\nhostname: mine\nbroken: [\n", "0=platform"));
        m.program(&["--oem=ec2-compat", "--strict"]).run().fails();
        assert_eq!(hostname(m), "ec2.internal");
        assert!(m.text(CORE_KEYS).contains(&key("platform")));
        m.program(&["--oem=ec2-compat"]).run().fails();
        assert_eq!(hostname(m), "mine", "what is complete before the error counts");
    });

    suite.fresh("an_address_that_answers_with_404_is_a_failure", |m| {
        m.serve_at(SERVICE, 80, |_, _| status(404));
        let url = "http://me:hunter2@169.254.169.254/x?token=hunter2";
        let run = m.program(&["--from-url", url, "--dry-run"]).run().fails();
        run.says(&["http://169.254.169.254/x", "404"]).hides(&["hunter2"]);
    });

    suite.fresh("invalid_keys_of_the_platform_are_left_out", |m| {
        m.sh(&format!("mkdir -p {DRIVE}/latest"));
        let meta =
            format!("{{\"public_keys\": {{\"a\": \"hunter2\", \"b\": \"{}\"}}, \"hostname\": \"-no-\"}}", key("b"));
        m.put(&format!("{DRIVE}/latest/meta_data.json"), meta);
        let run = m.program(&["--from-configdrive=/media/configdrive"]).run().fails();
        run.says(&["meta-data: invalid SSH key", "meta-data: invalid host name"]).hides(&["hunter2"]);
        let keys = m.text(CORE_KEYS);
        assert!(keys.contains(&key("b")) && !keys.contains("hunter2"), "{keys}");
    });
}

fn directories(suite: &mut Suite) {
    suite.fresh("a_config_drive_has_all_of_it", |m| {
        m.sh(&format!("mkdir -p {DRIVE}/latest"));
        let meta =
            format!("{{\"public_keys\": {{\"mine\": \"{}\"}}, \"hostname\": \"drive.example.com\"}}", key("drive"));
        m.put(&format!("{DRIVE}/latest/meta_data.json"), meta);
        m.put(&format!("{DRIVE}/latest/user_data"), "#cloud-config\nwrite_files: [{path: /etc/drive, content: x}]\n");
        m.program(&["--from-configdrive=/media/configdrive", "--short-hostname"]).run().ok();
        assert_eq!(hostname(m), "drive");
        assert!(m.text(CORE_KEYS).contains(&key("drive")));
        assert_eq!(m.text("/etc/drive"), "x");
        m.untouched(|| m.program(&["--from-configdrive=/media/configdrive", "--short-hostname"]).run().ok());
    });

    suite.fresh("a_config_drive_without_latest_is_read_from_its_newest_version", |m| {
        let flag = "--from-configdrive=/media/configdrive";
        m.sh("mkdir -p /media/configdrive/ec2/latest");
        m.put("/media/configdrive/ec2/latest/user-data", "#cloud-config\nhostname: ec2\n");
        let before = hostname(m);
        for flags in [&[flag][..], &[flag, "--dry-run"], &[flag, "--validate"]] {
            m.program(flags).run().exits(1).says(&["found ec2/ instead", "--from-file=/media/configdrive/ec2/latest"]);
        }
        assert_eq!(hostname(m), before);

        m.sh(&format!("mkdir -p {DRIVE}/2012-08-10 {DRIVE}/2018-08-27"));
        m.put(&format!("{DRIVE}/2012-08-10/user_data"), "#cloud-config\nhostname: old\n");
        m.put(&format!("{DRIVE}/2018-08-27/user_data"), "#cloud-config\nhostname: new\n");
        m.program(&[flag]).run().ok().says(&["openstack/2018-08-27 is used"]);
        assert_eq!(hostname(m), "new");
    });

    suite.fresh("the_kernel_command_line_names_an_address", |m| {
        m.serve_at(SERVICE, 80, |_, asked| match asked.path.as_str() {
            "/second" => body("#cloud-config\nhostname: cmdline\n"),
            _ => status(404),
        });
        m.program(&["--from-proc-cmdline"]).run().fails().says(&["cloud-config-url"]);
        m.put(
            "/root/cmdline",
            "quiet cloud-config-url=http://169.254.169.254/first cloud_config_url=http://169.254.169.254/second\n",
        );
        m.sh("mount --bind /root/cmdline /proc/cmdline");
        m.program(&["--from-proc-cmdline"]).run().ok();
        assert_eq!(hostname(m), "cmdline", "the last one wins");
    });

    suite.fresh("azures_directory_and_vmwares_document_are_read", |m| {
        m.sh("mkdir -p /var/lib/waagent; : > /var/lib/waagent/provisioned");
        m.put("/var/lib/waagent/CustomData", "#cloud-config\nhostname: azure\nwrite_files: [{path: /etc/a, content: $private_ipv4}]\n");
        m.put(
            "/var/lib/waagent/SharedConfig.xml",
            "<SharedConfig><Incarnation instance=\"me\"/><Instances><Instance id=\"other\" address=\"10.0.0.9\"/>\
             <Instance id=\"me\" address=\"10.0.0.7\"/></Instances></SharedConfig>",
        );
        m.program(&["--oem=azure"]).run().ok();
        assert_eq!((hostname(m).as_str(), m.text("/etc/a").as_str()), ("azure", "10.0.0.7"));
        m.put(
            "/root/ovf-env.xml",
            "<Environment xmlns=\"http://schemas.dmtf.org/ovf/environment/1\" xmlns:oe=\"http://schemas.dmtf.org/ovf/environment/1\">\
             <PropertySection><Property oe:key=\"guestinfo.hostname\" oe:value=\"vm\"/>\
             <Property oe:key=\"guestinfo.coreos.config.data\" oe:value=\"I2Nsb3VkLWNvbmZpZwp3cml0ZV9maWxlczogW3twYXRoOiAvZXRjL292ZiwgY29udGVudDogeH1dCg==\"/>\
             <Property oe:key=\"guestinfo.coreos.config.data.encoding\" oe:value=\"base64\"/></PropertySection></Environment>",
        );
        m.program(&["--from-vmware-ovf-env=/root/ovf-env.xml"]).run().ok();
        assert_eq!((hostname(m).as_str(), m.text("/etc/ovf").as_str()), ("vm", "x"));
        m.program(&["--from-vmware-guestinfo"]).run().fails().says(&["VMware"]);
    });
}

fn waits(suite: &mut Suite) {
    suite.fresh("a_service_that_comes_late_is_waited_for", |m| {
        m.sh(&format!("ip link set lo up; ip address replace {SERVICE}/32 dev lo"));
        let mut run = m.program(&["--oem=ec2-compat"]).start();
        std::thread::sleep(Duration::from_millis(1500));
        assert!(run.is_running(), "nothing is there yet");
        m.serve_at(SERVICE, 80, guarded("#cloud-config\nwrite_files: [{path: /etc/late, content: x}]\n", "0=platform"));
        run.finish(Duration::from_secs(30)).ok();
        assert_eq!(m.text("/etc/late"), "x");
    });

    suite.fresh("a_service_that_is_busy_is_asked_again", |m| {
        let service = guarded("#cloud-config\nwrite_files: [{path: /etc/busy, content: x}]\n", "0=platform");
        m.serve_at(
            SERVICE,
            80,
            move |number, asked| if number % 3 == 0 { status(503) } else { service(number, asked) },
        );
        m.program(&["--oem=ec2-compat"]).run().ok();
        assert_eq!((hostname(m).as_str(), m.text("/etc/busy").as_str()), ("ec2.internal", "x"));
    });

    suite.fresh("a_run_stopped_while_fetching_user_data_still_applies_access", |m| {
        let service = guarded("", "0=platform");
        let server = m.serve_at(SERVICE, 80, move |number, asked| {
            if asked.path.ends_with("/user-data") { Answer::Silence } else { service(number, asked) }
        });
        let run = m.program(&["--oem=ec2-compat"]).start();
        let waits = || server.paths().iter().any(|path| path.ends_with("/user-data"));
        assert!(crate::testbed::machine::wait_for(Duration::from_secs(20), waits));
        m.sh("pkill -TERM -x coreos-cloudini");
        run.finish(Duration::from_secs(10)).fails();
        assert_eq!(hostname(m), "ec2.internal");
        assert!(m.text(CORE_KEYS).contains(&key("platform")));
        m.program(&["--status"]).run().ok().says(&["user-data: no response yet (stopped)", "signal"]);
    });

    suite.fresh("waiting_ends_with_the_deadline_and_with_a_signal", |m| {
        let began = Instant::now();
        let run = m.program(&["--from-file=/root/never", "--deadline=3"]).run().fails();
        run.says(&["no data source available in time", "/root/never"]);
        assert!(began.elapsed() < Duration::from_secs(6), "{:?}", began.elapsed());
        let run = m.program(&["--oem=digitalocean"]).start();
        std::thread::sleep(Duration::from_millis(700));
        m.sh("pkill -TERM -x coreos-cloudini");
        let began = Instant::now();
        run.finish(Duration::from_secs(30)).fails();
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
        m.program(&["--status"]).run().ok().says(&["http://169.254.169.254/metadata/v1/user-data", "signal"]);
    });
}

fn network(suite: &mut Suite) {
    suite.fresh("the_network_is_set_up_before_the_user_data_and_once", |m| {
        m.sh("ip link add eth0 type veth peer name far0; ip link set far0 up; ip link set eth0 up; ip address add 198.51.100.9/24 dev eth0");
        m.sh(&format!("mkdir -p {DRIVE}/latest {DRIVE}/content"));
        m.put(&format!("{DRIVE}/content/0000"), "auto eth0\niface eth0 inet static\n  address 192.0.2.10/24\n  gateway 192.0.2.1\n");
        m.put(&format!("{DRIVE}/latest/meta_data.json"), "{\"network_config\": {\"content_path\": \"/content/0000\"}}");
        m.put(&format!("{DRIVE}/latest/user_data"), "#cloud-config\nhostname: netconf\n");
        let flags = ["--from-configdrive=/media/configdrive", "--convert-netconf=debian"];
        m.program(&flags).run().ok();
        assert_eq!(hostname(m), "netconf");
        assert!(m.text("/run/systemd/network/00-eth0.network").contains("Address=192.0.2.10/24"));
        assert_eq!(m.active("systemd-networkd.service"), "active");
        let shown = || m.sh("ip address show dev eth0; ip route");
        let came = crate::testbed::machine::wait_for(Duration::from_secs(20), || {
            let shown = shown();
            shown.contains("192.0.2.10/24") && shown.contains("default via 192.0.2.1")
        });
        assert!(came, "{}", shown());
        let invocation = m.invocation("systemd-networkd.service");
        m.untouched(|| m.program(&flags).run().ok());
        assert_eq!(m.invocation("systemd-networkd.service"), invocation, "it is not restarted for nothing");
    });

    // `core` does not exist yet, so the run sets its keys after creating the user, and the dry run reports that.
    suite.fresh("a_dry_run_prints_the_steps_of_the_run_in_its_order", |m| {
        m.sh("ip link add eth0 type veth peer name far0; ip link set far0 up; ip link set eth0 up");
        m.sh(&format!("mkdir -p {DRIVE}/latest {DRIVE}/content"));
        m.put(&format!("{DRIVE}/content/0000"), "auto eth0\niface eth0 inet static\n  address 192.0.2.10/24\n");
        m.put(
            &format!("{DRIVE}/latest/meta_data.json"),
            "{\"network_config\": {\"content_path\": \"/content/0000\"}, \"public_keys\": {\"a\": \"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDhmj/882riP+2GKg9KPw4z7LbUf+UALTw+cO/+L/PMK me\"}}",
        );
        let config = "#cloud-config\nhostname: ordered\nusers: [{name: ada}, {name: core}]\n\
            write_files: [{path: /etc/a, content: a}, {path: /etc/b, content: b, owner: ada}]\n\
            coreos: {units: [{name: a.service, command: start, content: \"[Service]\\nExecStart=/bin/true\\n\"}]}\n";
        m.put(&format!("{DRIVE}/latest/user_data"), config);
        m.sh("userdel --remove core 2> /dev/null || true");
        let flags = ["--from-configdrive=/media/configdrive", "--convert-netconf=debian"];
        let foreseen = m.program(&[&flags[..], &["--dry-run"]].concat()).run().ok().stdout;
        let run = m.program(&[&flags[..], &["-v"]].concat()).run().ok();
        // The log's lines and those of the dry run name a step alike.
        let foreseen: Vec<_> =
            foreseen.lines().skip(1).filter_map(|line| line.strip_prefix(['+', '>', '='])?.strip_prefix(' ')).collect();
        let ended = |line: &'_ str| {
            let ends = ["  done: ", " unchanged: ", " skipped: "];
            ends.iter().find_map(|end| line.split_once(end)).map(|(_, step)| step.to_owned())
        };
        let done: Vec<_> = run.stderr.lines().filter_map(ended).collect();
        let at = |word: &str| done.iter().position(|step| step.contains(word)).unwrap_or_else(|| panic!("{word}: {done:?}"));
        let order = ["user core", "key", "/etc/a", "host name", "daemon-reload", "start a.service"].map(at);
        assert!(order.is_sorted(), "{order:?}: {done:?}");
        // The host name is logged when hostnamed has set it.
        let is_other = |step: &str| !step.starts_with("set host name");
        let foreseen: Vec<_> = foreseen.into_iter().filter(|step| is_other(step)).collect();
        let done: Vec<_> = done.into_iter().filter(|step| is_other(step)).collect();
        // Behind a step that was skipped stands the reason.
        let is_same = foreseen.len() == done.len() && done.iter().zip(&foreseen).all(|(done, step)| done.starts_with(step));
        assert!(is_same, "{foreseen:#?}\n{done:#?}");
        let at = |word: &str| done.iter().position(|step| step.contains(word)).unwrap_or_else(|| panic!("{word}: {done:?}"));
        let order = ["00-eth0.network", "restart", "user core", "key", "/etc/a", "start a.service"].map(at);
        assert!(order.is_sorted(), "{order:?}: {done:?}");
    });

    suite.fresh("a_description_that_cannot_be_converted_is_skipped_alone", |m| {
        m.sh(&format!("mkdir -p {DRIVE}/latest {DRIVE}/content"));
        m.put(
            &format!("{DRIVE}/content/0000"),
            "iface eth5 inet\niface eth6 inet static\n  address 192.0.2.10/24\niface bond0 inet dhcp\n  bond-slaves eth7\n  bond-mode 4\n",
        );
        m.put(&format!("{DRIVE}/latest/meta_data.json"), "{\"network_config\": {\"content_path\": \"/content/0000\"}}");
        m.put(&format!("{DRIVE}/latest/user_data"), "#cloud-config\nhostname: netconf\n");
        let run = m.program(&["--oem=rackspace-onmetal"]).run().fails();
        run.says(&["ERROR network configuration (debian):1:1: ", "failed to load the kernel module bonding"]);
        assert_eq!(hostname(m), "netconf");
        for name in ["00-eth6.network", "01-eth7.network", "00-bond0.netdev", "00-bond0.network"] {
            assert!(m.exists(&format!("/run/systemd/network/{name}")), "{name}: {:?}", m.names("/run/systemd/network"));
        }
        let rehearsed = m.program(&["--oem=rackspace-onmetal", "--dry-run"]).run().fails();
        rehearsed.says(&["network configuration (debian)", "= write /run/systemd/network/00-eth6.network"]);
        m.program(&["--oem=rackspace-onmetal", "--validate"]).run().fails().says(&["[bad-stanza]"]);
    });

    suite.fresh("a_format_that_the_source_does_not_have_converts_nothing", |m| {
        m.sh(&format!("mkdir -p {DRIVE}/latest"));
        m.put(&format!("{DRIVE}/latest/user_data"), "#cloud-config\nhostname: none\n");
        let run = m.program(&["--from-configdrive=/media/configdrive", "--convert-netconf=packet"]).run().ok();
        run.says(&["no network configuration in the format packet"]);
        assert_eq!(hostname(m), "none");
        m.absent("/run/systemd/network");
    });

    suite.fresh("keys_of_network_data_that_are_not_read_are_reported", |m| {
        m.sh(&format!("mkdir -p {DRIVE}/latest"));
        m.put(
            &format!("{DRIVE}/latest/network_data.json"),
            r#"{"links": [{"id": "a", "vif_id": "b", "type": "phy", "ethernet_mac_address": "04:01:57:d1:9e:01"}],
                "networks": [{"id": "n", "link": "a", "type": "ipv4", "ip_address": "192.0.2.10/24", "gatway": "192.0.2.1"}]}"#,
        );
        let flags = ["--from-configdrive=/media/configdrive", "--convert-netconf=openstack", "--validate"];
        let run = m.program(&flags).run().exits(1);
        run.says(&["n: unknown key `gatway`", "did you mean `gateway`?"]).hides(&["vif_id"]);
        let json = m.program(&[&flags[..], &["--format=json"]].concat()).run().exits(1);
        json.says(&["\"unconverted\"", "gatway"]);
    });

    suite.fresh("a_tree_gets_files_and_nothing_is_restarted", |m| {
        m.sh(&format!("mkdir -p {DRIVE}/latest /root/tree/etc; cp /etc/passwd /etc/group /root/tree/etc/"));
        m.put(
            &format!("{DRIVE}/latest/network_data.json"),
            r#"{"links": [{"id": "a", "type": "phy", "ethernet_mac_address": "04:01:57:d1:9e:01"}],
                "networks": [{"link": "a", "type": "ipv4_dhcp"}]}"#,
        );
        let invocation = m.invocation("systemd-networkd.service");
        let flags = ["--from-configdrive=/media/configdrive", "--convert-netconf=openstack", "--root=/root/tree"];
        m.program(&flags).run().ok();
        assert!(m.text("/root/tree/run/systemd/network/00-04:01:57:d1:9e:01.network").contains("DHCP="));
        assert_eq!(m.invocation("systemd-networkd.service"), invocation);
    });
}
