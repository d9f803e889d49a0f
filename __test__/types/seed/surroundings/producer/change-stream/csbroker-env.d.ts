/// <reference types="@dafaz/change-stream-broker/globals" />
