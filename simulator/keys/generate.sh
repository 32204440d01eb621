#!/bin/sh
# Makes anew: application (registered on the first application), other (registered nowhere), federation (the simulated
# AWS account's).
set -eu
cd "$(dirname "$0")"
scratch=$(mktemp -d)
trap 'rm -r "$scratch"' EXIT
touch "$scratch/index"
cat >"$scratch/ca.cnf" <<END
[ca]
default_ca = own
[own]
database = $scratch/index
new_certs_dir = $scratch
rand_serial = yes
default_md = sha256
policy = any
unique_subject = no
[any]
commonName = supplied
END
for name in application other federation; do
    openssl req -new -newkey rsa:2048 -nodes -subj "/CN=simulator $name" -keyout "$name-key.pem" -out "$scratch/request"
    openssl ca -batch -selfsign -notext -config "$scratch/ca.cnf" -keyfile "$name-key.pem" -in "$scratch/request" \
        -startdate 20250101000000Z -enddate 21250101000000Z -out "$name-certificate.pem"
    chmod 644 "$name-key.pem"
done
