package e2e

// inProduction goes on after why a deployment is taken for a production one.
const inProduction = ": this case makes people, sends forms or tries what an attacker would, and is for staging"
