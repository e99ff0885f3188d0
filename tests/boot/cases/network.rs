//! User-data from a network: a URL on the kernel command line, and a metadata service.

use super::{CMDLINE, INNER, NOCLOUD_SEED, order};
use crate::testbed::Suite;
use crate::testbed::key::key;
use crate::testbed::vm::Setup;
use crate::testbed::web::{Answer, Asked, Server, body, status};

const USER_DATA: &str = "#cloud-config\nhostname: from-far\nwrite_files: [{path: /etc/from-far, content: far}]\n";

/// Answers as EC2 does to requests with a token.
fn ec2(asked: &Asked) -> Answer {
    if (&*asked.method, &*asked.path) == ("PUT", "/latest/api/token") {
        return body("a-token");
    }
    if asked.header("X-aws-ec2-metadata-token") != Some("a-token") {
        return status(401);
    }
    body(match &*asked.path {
        "/2009-04-04/" => "meta-data\nuser-data".to_owned(),
        "/2009-04-04/meta-data/public-keys" => "0=mine".to_owned(),
        "/2009-04-04/meta-data/public-keys/0/openssh-key" => key("ec2"),
        "/2009-04-04/meta-data/hostname" => "ip-10-1-2-3.internal more.example".to_owned(),
        "/2009-04-04/meta-data/local-ipv4" => "10.1.2.3".to_owned(),
        "/2009-04-04/user-data" => {
            "#cloud-config\nwrite_files: [{path: /etc/address, content: $private_ipv4}]\n".to_owned()
        }
        _ => return status(404),
    })
}

pub fn cases(suite: &mut Suite) {
    suite.plain("an_address_on_the_kernel_command_line", || {
        // A server that is not ready yet is asked again.
        let server = Server::sequence(vec![status(503), body(USER_DATA)]);
        let setup = Setup::default()
            .network("10.0.2.100:80", &server)
            .word("cloud-config-url=http://10.0.2.100/user-data")
            .oem("#cloud-config\nhostname: of-the-image\n");
        setup.boot().holds(|vm| {
            order::holds(vm, "the kernel command line");
            assert_eq!(vm.sh("hostname; cat /etc/from-far"), "from-far\nfar");
            assert_eq!(vm.active(CMDLINE), "active");
            assert_eq!(vm.sh("systemctl is-system-running"), "running");
            assert_eq!(server.paths(), ["GET /user-data", "GET /user-data"]);
        });
    });

    suite.plain("a_nocloud_seed_on_the_kernel_command_line", || {
        // A server that is not ready yet is asked again.
        let server = Server::start(|count, asked| match (count, &*asked.path) {
            (0, _) => status(503),
            (_, "/seed/meta-data") => body("local-hostname: of-the-seed\n"),
            (_, "/seed/user-data") => body("#cloud-config\nwrite_files: [{path: /etc/from-far, content: far}]\n"),
            _ => status(404),
        });
        let setup = Setup::default()
            .network("10.0.2.100:80", &server)
            .word("ds=nocloud;s=http://10.0.2.100/seed/")
            .oem("#cloud-config\nhostname: of-the-image\n");
        setup.boot().holds(|vm| {
            order::holds(vm, "a seed on the kernel command line");
            assert_eq!(vm.sh("hostname; cat /etc/from-far"), "of-the-seed\nfar");
            assert_eq!(vm.active(NOCLOUD_SEED), "active");
            assert_eq!(vm.sh("systemctl is-system-running"), "running");
            assert_eq!(server.paths().last().map(String::as_str), Some("GET /seed/user-data"));
        });
    });

    suite.plain("an_image_that_asks_a_metadata_service", || {
        let server = Server::start(|_, asked| ec2(asked));
        let setup = Setup::default()
            .network("169.254.169.254:80", &server)
            .oem(include_str!("../../../oem/ami/cloud-config.yml"));
        setup.boot().holds(|vm| {
            order::holds(vm, "a metadata service");
            assert_eq!(vm.sh("hostname"), "ip-10-1-2-3.internal");
            assert!(vm.text("/home/core/.ssh/authorized_keys").contains(&key("ec2")));
            assert_eq!(vm.text("/etc/address"), "10.1.2.3");
            assert!(vm.text("/etc/environment").contains("COREOS_PRIVATE_IPV4=10.1.2.3\n"));
            assert!(vm.text("/etc/oem-release").starts_with("ID=ami\n"));
            assert_eq!(vm.active(INNER), "active");
            assert_eq!(vm.sh("systemctl is-system-running"), "running");
            let asked = server.paths();
            assert_eq!(asked.iter().filter(|asked| *asked == "GET /2009-04-04/user-data").count(), 1, "{asked:?}");
        });
    });
}
