//! `pop3-client`: fetches mail over POP3, and loses none of it.

mod program;

fn main() -> std::process::ExitCode {
    program::run()
}
