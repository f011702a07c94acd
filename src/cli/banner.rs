//! What the server says when it is up.

use std::io::Write as _;

use super::lan::Lan;
use crate::demo::{DEMO_LOGIN, DEMO_PASSWORD};
use crate::server::Server;

/// Prints the address and what to do next to standard output.
pub(super) async fn print(server: &Server, lan: Option<&Lan>) {
    let url = server.url();
    let mut text = format!("listening on {url}\n");
    let data = &server.app.config.storage.data;
    if server.app.demo {
        let key = std::fs::read_to_string(data.join("api-key")).unwrap_or_default();
        let key = key.trim();
        text.push_str(&format!(
            "\n  Start here        {url}/\n  A viewer          {url}/demo\n  The agent         {url}/agent   (login {DEMO_LOGIN}, password {DEMO_PASSWORD})\
             \n  Operations        {url}/ops\n  API               {url}/api/openapi.json\n  API key           {key}\n"
        ));
        if !server.app.tls {
            // The load test speaks plain http.
            text.push_str(&format!(
                "\n  Load test         cargo run --release -p sightline-loadtest -- connect --url {url} --token {key} --mode warm --arrivals 2/s --duration 20s\n"
            ));
        }
        text.push_str(&format!(
            "\n  The account and the key exist in this demo alone. Ctrl-C ends it; its data is in {}.\n",
            data.display()
        ));
        if let Some(lan) = lan {
            text.push_str(&lan.invitation(server.address.port()));
        }
    } else {
        text.push_str(&format!("\n  Agents sign in at {url}/agent, operations are at {url}/ops.\n"));
        if server.new_api_key.is_some() {
            text.push_str(&format!("  An API key was made: {}\n", data.join("api-key").display()));
        }
        if server.app.desk.store.user_count().await.is_ok_and(|users| users == 0) {
            let data = data.display();
            text.push_str(&format!(
                "\n  Nobody can sign in yet. Create the first user:\n      sightline user add --data {data} --login NAME --name \"Full Name\" --role admin\n"
            ));
        }
    }
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes());
    let _ = out.flush();
}
