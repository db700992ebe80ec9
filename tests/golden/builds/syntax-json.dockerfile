{"syntax": "example.com/json:1", "more": [1]}
