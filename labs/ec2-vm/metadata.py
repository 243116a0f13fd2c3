"""Ask the metadata service which instance this is, without a token and with one."""

import json
import urllib.error
import urllib.request

SERVICE = "http://169.254.169.254/latest"


def ask(path, method="GET", **headers):
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(f"{SERVICE}/{path}", method=method, headers=headers)
    with urllib.request.urlopen(request, timeout=5) as response:
        return response.read().decode()


try:
    ask("meta-data/instance-id")
    without_token = 200
except urllib.error.HTTPError as error:
    without_token = error.code

token = ask("api/token", "PUT", X_aws_ec2_metadata_token_ttl_seconds="60")
with_token = ask("meta-data/instance-id", X_aws_ec2_metadata_token=token)
print(json.dumps({"without_token": without_token, "with_token": with_token}))
